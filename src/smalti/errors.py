"""Everything that Smalti refuses, as one tree.

SmaltiError                 anything a person can mend; printed as one line
├── InputError              what came cannot be used
│   ├── RasterError         an image file: missing, empty, truncated, no image, wrong bands
│   ├── LabelError          labels: another size than the image, an unknown colour or class
│   ├── RecipeError         a recipe: misspelt key, wrong type, contradiction
│   ├── DataError           a dataset: nothing found, pairs that do not match, windows that overlap
│   ├── ModelError          a model file: truncated, altered, no model, or not made for this scene
│   ├── ArrayError          an array: wrong shape, axes or dtype
│   └── ExtensionError      what another package registered: cannot be imported, or is not what is expected
├── OptionError             options that make no sense, or not together
├── OutputError             a result cannot be written: no such folder, no right, disk full
├── BusyError               another process holds the same output
├── DivergedError           a training's loss or one of its weights is no number any more
├── ExportError             the exported graph does not answer like the network
└── MissingExtraError       an optional part is not installed

SmaltiWarning               what is only doubtful; issued as a Python warning
├── SceneWarning            a scene that may not be what its model knows
│   ├── GeoreferenceWarning no place on the ground
│   ├── ResolutionWarning   another pixel size than the model's
│   └── ValueRangeWarning   values far from those of the training
├── OutputWarning           a map, polygons or sidecars: empty, changed by somebody, left out
├── DataWarning             a dataset: parts mixed, truth that is missing or lies elsewhere
├── ModelWarning            a model that cannot give all that was asked for
└── TrainingWarning         a training whose settings or data are doubtful

A message says what came, what was expected, and what to do.
"""

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str | Path) -> str:
    """Text that can be printed: bytes that are no UTF-8 as \\xff, what breaks or reverses a line as its code."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1].replace(r"\udc", r"\x"), str(text))


class SmaltiError(Exception):
    """Anything a person can mend; its text is one line, also where a name in it, of a file or a key, is not."""

    value: object
    """What was refused, where one value was: a name, a path, a shape, an option; else None."""

    def __init__(self, *message: str, value: object = None) -> None:
        super().__init__(*message)
        self.value = value

    def __str__(self) -> str:
        return shown(super().__str__())


class InputError(SmaltiError):
    """What came cannot be used."""


class RasterError(InputError):
    """An image file is missing, empty, truncated, no image, or has the wrong bands."""


class LabelError(InputError):
    """Labels do not fit their image or hold a class nobody declared."""


class RecipeError(InputError):
    """A recipe has a misspelt key, a wrong type or a contradiction."""


class DataError(InputError):
    """A dataset is incomplete or contradicts itself."""


class ModelError(InputError):
    """A model file is damaged, is no model, or was not made for this input."""


class ArrayError(InputError):
    """An array has a shape, axes or a dtype that cannot be used."""


class ExtensionError(InputError):
    """What another package registered cannot be imported, or is not what is expected."""


class OptionError(SmaltiError):
    """An option makes no sense, or not together with another one."""


class OutputError(SmaltiError):
    """A result cannot be written."""


class BusyError(SmaltiError):
    """Another process holds the same output."""


class DivergedError(SmaltiError):
    """A training's loss or one of its weights is no number any more."""


class ExportError(SmaltiError):
    """The exported graph does not answer like the network it came from."""


class MissingExtraError(SmaltiError):
    """An optional part is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed; bring it with: pip install 'smalti[{extra}]'", value=what)
        self.extra = extra

    def __reduce__(self) -> tuple[type["MissingExtraError"], tuple[object, str]]:
        return type(self), (self.value, self.extra)


@contextmanager
def about(value: object) -> Iterator[None]:
    """Errors of the block that name no value of their own are about this one, which the caller gave."""
    try:
        yield
    except SmaltiError as error:
        if error.value is None:
            error.value = value
        raise


class SmaltiWarning(UserWarning):
    """What is only doubtful; its text is one line."""

    def __str__(self) -> str:
        return shown(super().__str__())


class SceneWarning(SmaltiWarning):
    """A scene may not be what its model knows."""


class GeoreferenceWarning(SceneWarning):
    """A scene has no place on the ground, so its map has none either."""


class ResolutionWarning(SceneWarning):
    """A scene's pixels have another size than those that the model knows."""


class ValueRangeWarning(SceneWarning):
    """A scene's values are far from those that the model was trained on."""


class OutputWarning(SmaltiWarning):
    """A map, polygons or sidecars are empty, were changed by somebody, or are left out in part."""


class DataWarning(SmaltiWarning):
    """A dataset mixes parts, or has truth that is missing or lies elsewhere."""


class ModelWarning(SmaltiWarning):
    """A model cannot give all that was asked for."""


class TrainingWarning(SmaltiWarning):
    """A training's settings or data are doubtful."""


Warn = Callable[[SmaltiWarning], None]
"""Takes a warning: `warn`, or a function of the caller."""


def warn(warning: SmaltiWarning) -> None:
    """Issues a Python warning that points at the line outside of this package that called it."""
    warnings.warn(warning, stacklevel=_outside())


def _outside() -> int:
    """The stack level, as seen from `warn`, of the nearest frame that does not belong to this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    return level
