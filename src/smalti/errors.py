"""All errors and warnings of Smalti, as one tree.

SmaltiError                 any error the user can fix; printed as one line
├── InputError              an input cannot be used
│   ├── RasterError         an image file: missing, empty, truncated, not an image, wrong bands
│   │   └── UnreachableError  a remote image whose server stops answering: what is finished is kept
│   ├── LabelError          labels: another size than the image, an unknown colour or class
│   ├── RecipeError         a recipe: misspelt key, wrong type, contradiction
│   ├── DataError           a dataset: nothing found, pairs that do not match, windows that overlap
│   │   └── NothingToScoreError  no pixel has ground truth
│   ├── ModelError          a model file: truncated, altered, not a model, or not made for this scene
│   ├── ArrayError          an array: wrong shape, axes or dtype
│   └── ExtensionError      an extension of another package: cannot be imported, or is not what is expected
├── OptionError             options that are invalid, or contradict each other
├── OutputError             a result cannot be written: no such folder, no permission, disk full
├── BusyError               another process is making the same output
├── ClusterError            a cluster that cannot be used: no scheduler, other versions, lost workers
├── DivergedError           a training's loss or one of its weights is not finite
├── ExportError             the outputs of the exported graph differ from the network's
├── MissingExtraError       an optional dependency is not installed
└── MissingToolError        a program that converts models is not installed

SmaltiWarning               what may be wrong; issued as a Python warning
├── SceneWarning            a scene that may not be suitable for its model
│   ├── GeoreferenceWarning no georeference
│   ├── ResolutionWarning   another pixel size than the model's
│   ├── BandOrderWarning    bands whose pixels look like others, or like another order
│   ├── ValueRangeWarning   values far from those of the training data
│   └── UnlikeWarning       looks unlike the training data
├── OutputWarning           a map, polygons or sidecars: empty, changed, skipped
├── DataWarning             a dataset: parts mixed, ground truth that is missing or lies elsewhere
├── ModelWarning            a model that cannot give all requested outputs, or is not calibrated
└── TrainingWarning         a training whose settings or data are doubtful

A message states what was given, what was expected, and what to do.
"""

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str | Path) -> str:
    """Printable text: bytes that are not UTF-8 as \\xff, characters that break or reverse a line as their code."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1].replace(r"\udc", r"\x"), str(text))


def reason(error: OSError) -> str:
    """Why the system refuses, to continue a message."""
    return (error.strerror or "unknown reason").lower()


class SmaltiError(Exception):
    """Any error the user can fix; its text is one line, even if a name in it, of a file or a key, is not."""

    value: object
    """The offending value, if there is one: a name, a path, a shape, an option; else None."""

    def __init__(self, *message: str, value: object = None) -> None:
        super().__init__(*message)
        self.value = value

    def __str__(self) -> str:
        return shown(super().__str__())


class InputError(SmaltiError):
    """An input cannot be used."""


class RasterError(InputError):
    """An image file is missing, empty, truncated, not an image, or has the wrong bands."""


class UnreachableError(RasterError):
    """A remote image cannot be read any further; what is finished of its map is kept, and the same call resumes."""


class LabelError(InputError):
    """Labels do not fit their image or have a class that is not declared."""


class RecipeError(InputError):
    """A recipe has a misspelt key, a wrong type or a contradiction."""


class DataError(InputError):
    """A dataset is incomplete or contradicts itself."""


class NothingToScoreError(DataError):
    """No pixel of any task has ground truth."""


class ModelError(InputError):
    """A model file is damaged, not a model, or was not made for this input."""


class ArrayError(InputError):
    """An array has a shape, axes or a dtype that cannot be used."""


class ExtensionError(InputError):
    """What another package registered cannot be imported, or is not what is expected."""


class OptionError(SmaltiError):
    """An option is invalid, or contradicts another one."""


class OutputError(SmaltiError):
    """A result cannot be written."""


class BusyError(SmaltiError):
    """Another process is making the same output."""


class ClusterError(SmaltiError):
    """A cluster cannot be used: no scheduler answers, versions or models differ, or workers were lost."""


class DivergedError(SmaltiError):
    """A training's loss or one of its weights is not finite."""


class ExportError(SmaltiError):
    """The outputs of the exported graph differ from those of the network."""


class MissingExtraError(SmaltiError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        text = f"is not installed; install it with: pip install 'smalti[{extra}]'"
        if getattr(sys, "frozen", False):
            text = "is not part of the packaged program, which cannot do this; use Smalti installed with Python"
        super().__init__(f"{what} {text}", value=what)
        self.extra = extra

    def __reduce__(self) -> tuple[type["MissingExtraError"], tuple[object, str]]:
        return type(self), (self.value, self.extra)


class MissingToolError(SmaltiError):
    """A program that converts models, in an environment of its own, is not installed."""

    def __init__(self, what: str, packages: str, size: str) -> None:
        there = "into an environment of its own, whose folder of programs is on PATH"
        super().__init__(
            f"{what} is not installed; install it with: pip install {packages} ({size}; {there})", value=what
        )
        self.packages, self.size = packages, size

    def __reduce__(self) -> tuple[type["MissingToolError"], tuple[object, str, str]]:
        return type(self), (self.value, self.packages, self.size)


@contextmanager
def about(value: object) -> Iterator[None]:
    """Sets `value` on errors of the block that have none, for the value that the caller gave."""
    try:
        yield
    except SmaltiError as error:
        if error.value is None:
            error.value = value
        raise


class SmaltiWarning(UserWarning):
    """A warning; its text is one line."""

    def __str__(self) -> str:
        return shown(super().__str__())


class SceneWarning(SmaltiWarning):
    """A scene may not be suitable for the model."""


class GeoreferenceWarning(SceneWarning):
    """A scene has no georeference, so its map has none either."""


class ResolutionWarning(SceneWarning):
    """A scene's pixel size is outside of the model's range."""


class BandOrderWarning(SceneWarning):
    """A scene's pixels look like other bands than the model's, or like another order of them."""


class ValueRangeWarning(SceneWarning):
    """A scene's values are far from those of the training data."""


class UnlikeWarning(SceneWarning):
    """Much of a scene looks unlike what its model was trained on."""


class OutputWarning(SmaltiWarning):
    """A map, polygons or sidecars are empty, were changed, or are skipped in part."""


class DataWarning(SmaltiWarning):
    """A dataset mixes parts, or has ground truth that is missing or lies elsewhere."""


class ModelWarning(SmaltiWarning):
    """A model cannot give all requested outputs, or is not calibrated."""


class TrainingWarning(SmaltiWarning):
    """A training's settings or data are doubtful."""


Warn = Callable[[SmaltiWarning], None]
"""Called with a warning: `warn`, or a function of the caller."""


def warn(warning: SmaltiWarning) -> None:
    """Issues a Python warning that points at the calling line outside of this package."""
    warnings.warn(warning, stacklevel=_outside())


@contextmanager
def heard(take: Callable[[SmaltiWarning], None]) -> Iterator[None]:
    """Gives every warning of this package in the block to `take`; others are shown as usual."""
    with warnings.catch_warnings():
        others: Any = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if isinstance(message, SmaltiWarning):
                take(message)
            else:
                others(message, category, filename, lineno, file, line)

        warnings.simplefilter("always", SmaltiWarning)
        warnings.showwarning = show
        yield


def _outside() -> int:
    """The stack level, counted from `warn`, of the nearest frame outside of this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    return level


EXIT_CODES: tuple[tuple[type[SmaltiError], int], ...] = (
    (InputError, 3),
    (OutputError, 4),
    (BusyError, 5),
    (SmaltiError, 1),
)
"""Exit codes of the command line; 2 is kept for wrong usage."""


def exit_code(error: SmaltiError) -> int:
    """The exit code of the command line for an error."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
