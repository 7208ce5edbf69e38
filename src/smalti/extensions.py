"""Extensions of other packages by entry points: nets, public datasets, losses, augmentations and engines.

A package names them in its pyproject.toml:

    [project.entry-points."smalti.nets"]
    mine = "my_package.nets:MyNet"

They are searched only for names that are unknown here, so that they cost nothing else, and never replace a name of
this program.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ModelWrapValidatorHandler, create_model, model_validator

from smalti.errors import ExtensionError, SmaltiError


def find_extension(group: str, name: str) -> Any:
    """What a package registered by that name in an entry point group, imported; None if there is none.

    ExtensionError if two packages registered it, or it cannot be imported.
    """
    found = tuple(entry_points(group=group, name=name))
    if len(found) > 1:
        packages = " and ".join(sorted(map(_package, found)))
        raise ExtensionError(f"{group}: {name!r} is registered by {packages}; uninstall all but one", value=name)
    return _load(found[0]) if found else None


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # another package's module may raise anything
        text = f"{entry.group}: {entry.name!r} of package {_package(entry)} cannot be imported: {_reason(error)}"
        raise ExtensionError(f"{text}; repair or update that package", value=entry.name) from error


@contextmanager
def calling(group: str, name: str, *passed: type[Exception]) -> Iterator[None]:
    """For a call of an extension: what it raises becomes the cause of an ExtensionError.

    Errors of Smalti and those in `passed` are raised as they are.
    """
    try:
        yield
    except (Exception, SystemExit) as error:  # another package's code may raise anything
        if isinstance(error, (SmaltiError, *passed)):
            raise
        text = f"{group}: {name!r} fails: {_reason(error)}; repair or update the package that registers it"
        raise ExtensionError(text, value=name) from error


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


def unfit(group: str, name: str, came: str, expected: str) -> ExtensionError:
    """The error for an extension that is not, or does not give, what is expected."""
    return ExtensionError(f"{group}: {name!r} {came}; expected {expected}", value=name)


def nobody_brings(group: str) -> str:
    """The end of a message about a name that is unknown here."""
    return f"no installed package registers it as an entry point of {group}"


def settings_of(value: Any, key: str) -> Any:
    """The settings of an extensible table's key: a number alone is that of `key`. ValueError for what is no table."""
    if isinstance(value, bool | str | list):
        raise ValueError(f"expected a {key} or a table like {{ {key} = 0.5 }}, not {value!r}")
    return {key: value} if isinstance(value, int | float) else value


class ExtensibleTable(BaseModel):
    """A table of a recipe whose unknown keys are settings that other packages register, each a subclass of one base."""

    group: ClassVar[str]
    """The entry point group."""
    base: ClassVar[type[BaseModel]]
    """What the settings must be a subclass of, with a `__call__` of their own."""
    registered: ClassVar[Mapping[str, type[BaseModel]]]
    """Settings registered in the dict."""

    @classmethod
    def find(cls, key: str) -> type[BaseModel] | None:
        """The settings of that key, registered or of an installed package; None if there is none.

        ExtensionError for anything but a subclass of `base`.
        """
        if key.startswith("_") or hasattr(cls, key):  # pydantic cannot have such a field
            return None
        found = cls.registered[key] if key in cls.registered else find_extension(cls.group, key)
        if found is not None and not _extends(found, cls.base):
            expected = f"a subclass of {cls.base.__module__}.{cls.base.__name__} that can be called"
            raise unfit(cls.group, key, f"is {found!r}", expected)
        return found

    @model_validator(mode="wrap")
    @classmethod
    def _with_extensions(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, dict):
            return handler(given)
        unknown = [str(key) for key in given if key not in cls.model_fields]
        found = tuple((key, kind) for key in unknown if (kind := cls.find(key)))
        if not found:
            return handler(given)
        with calling(cls.group, ", ".join(key for key, _ in found), ValueError):  # validators of other packages
            return _extended(cls, found).model_validate(given)  # type: ignore[return-value]

    @classmethod
    def calling(cls, key: str, *passed: type[Exception]) -> AbstractContextManager[None]:
        """For a call of the settings of a key: see the function of that name; the table's own raise what they raise."""
        return nullcontext() if key in cls.model_fields else calling(cls.group, key, *passed)


def _extends(found: Any, base: type[BaseModel]) -> bool:
    return isinstance(found, type) and issubclass(found, base) and found.__call__ is not base.__call__


@cache  # equal recipes have the same class, and so compare equal
def _extended(table: type[ExtensibleTable], found: tuple[tuple[str, type[BaseModel]], ...]) -> type[ExtensibleTable]:
    """A table with further keys."""
    fields: dict[str, Any] = {key: (kind | None, None) for key, kind in found}
    return create_model(table.__name__, __base__=table, __module__=table.__module__, **fields)
