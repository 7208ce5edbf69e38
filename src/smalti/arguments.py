"""Arguments of public functions and fields of public tables, checked against their annotations before any work.

An annotation may carry the words for what is expected: `Annotated[Sequence[str | int], "a list of names or numbers"]`.
"""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from smalti.errors import InputError, OptionError

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST = 4096  # bytes: no system opens a longer path
_SHOWN = 80
"""Characters of a value that a message has, at most."""


def checked(*but: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: OptionError, with the offending value, for an argument that does not fit its annotation; InputError
    for a path that the system refuses.

    Scalars of numpy become Python's, and iterators become tuples where a sequence is expected. Not checked are
    annotations in quotes, and the arguments named here.
    """

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)
        kinds = {name: kind for name, kind in inspect.get_annotations(function).items() if name not in but}

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                given = signature.bind(*args, **kwargs)
            except TypeError:  # missing or unknown arguments: Python's own message names the function
                return function(*args, **kwargs)
            for name, value in given.arguments.items():
                given.arguments[name] = taken(value, kinds.get(name, Any), name)
            try:
                return function(*given.args, **given.kwargs)
            except OSError as error:
                _explain(error, given.arguments)
                raise

        return call

    return decorated


def taken(value: object, kind: Any, name: str) -> object:
    """A value that fits an annotation, as plain Python; OptionError, with the name, if it does not fit."""
    plain = _plain(value, kind)
    if not fits(plain, kind):
        raise OptionError(f"{name} is {said(value)}; expected {expected(kind)}", value=value)
    return plain


def _explain(error: OSError, given: Mapping[str, object]) -> None:
    """InputError where the system's error is about a path among the arguments; not of a callback's own files."""
    for name, value in given.items():
        if isinstance(value, str | Path) and str(value) in str(error.filename or ""):
            why = (error.strerror or type(error).__name__).lower()
            raise InputError(f"{name} is {said(value)}: {why}; give a path that you may use", value=value) from error


def check_fields(table: object) -> None:
    """OptionError for a field of a dataclass that does not fit its annotation; the others become plain Python."""
    for name, kind in _hints(type(table)).items():  # type: ignore[arg-type]
        value = getattr(table, name)
        if (plain := taken(value, kind, name)) is not value:
            object.__setattr__(table, name, plain)


def as_path(value: object, what: str) -> Path:
    """A path; OptionError for another type, for an empty string (which would be the current folder), and for a NUL."""
    return Path(taken(value, Path, what))  # type: ignore[arg-type]


def said(value: object) -> str:
    """A value in a message: short, or only its type."""
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[: _SHOWN // 2]!r}... ({len(value):,} characters)"
    if isinstance(value, str | bytes | int | float | complex | NoneType | Path | list | tuple | dict | set):
        with suppress(Exception):  # of an element's own repr, or an int of more digits than Python writes
            text = repr(value)
            return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"of type {type(value).__name__}"


def fits(value: object, kind: Any) -> bool:
    """Whether a value is of the kind that an annotation states; one that cannot be checked fits every value."""
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        return fits(value, parts[0])
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in _choices(kind))
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in parts)
    if origin in _TESTS:
        return _TESTS[origin](value)
    if origin in (Sequence, tuple):
        return _is_sequence(value) and all(fits(each, parts[0]) for each in value)  # type: ignore[attr-defined]
    if origin in (Mapping, dict):
        return isinstance(value, Mapping) and all(fits(k, parts[0]) and fits(v, parts[1]) for k, v in value.items())
    if parts or not isinstance(origin, type) or origin is Any or getattr(origin, "_is_protocol", False):
        return True
    return isinstance(value, origin)


def expected(kind: Any) -> str:
    """What an annotation states, in words."""
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        return str(parts[1])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(expected, _choices(kind))))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin in (Sequence, tuple):
        return f"a list of {' or '.join(dict.fromkeys(_MANY.get(each, str(each)) for each in _choices(parts[0])))}"
    if origin in (Mapping, dict):
        return f"a dict, each value {expected(parts[1])}"
    name = getattr(origin, "__name__", str(origin))
    return _WORDS.get(origin) or f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _choices(kind: Any) -> tuple[Any, ...]:
    """The kinds that an annotation allows; a text that may be a path is one."""
    if get_origin(kind) is Annotated:
        return _choices(get_args(kind)[0])
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return tuple(each for each in parts if each is not str or Path not in parts)


def _plain(value: object, kind: Any) -> object:
    """A scalar of numpy as Python's where a number is expected, and an iterator as a tuple where a sequence is."""
    choices = {get_origin(each) or each for each in _choices(kind)}
    if choices & {bool, int, float} and type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()  # type: ignore[attr-defined]
    only_sequence = choices - {NoneType, Annotated} == {Sequence}
    if only_sequence and isinstance(value, Iterable) and not isinstance(value, Sequence | Mapping | str | bytes):
        return tuple(value)
    return value


def _is_path(value: object) -> bool:
    with suppress(UnicodeEncodeError):  # a character that no file name has
        text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
        return isinstance(text, str) and 0 < len(os.fsencode(text)) < _LONGEST and "\0" not in text
    return False


def _is_text(value: object) -> bool:
    """Whether a value is text that can be written to a file."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    with suppress(OverflowError):  # an int beyond the largest float
        return isinstance(value, Real) and not isinstance(value, bool) and isinstance(float(value), float)
    return False


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


@cache
def _hints(table: type) -> dict[str, Any]:
    return get_type_hints(table, include_extras=True)


_TESTS: dict[Any, Callable[[object], bool]] = {
    # annotation: whether a value fits it
    bool: lambda value: isinstance(value, bool),
    int: _is_whole,
    float: _is_number,
    str: _is_text,
    Path: _is_path,
    Callable: callable,
}
_WORDS = {
    # annotation: what it states
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    Callable: "a function",
    NoneType: "None",
}
_MANY = {Path: "paths", str: "names", int: "numbers", float: "numbers"}
