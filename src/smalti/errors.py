"""Everything that Smalti refuses, as one tree.

SmaltiError                 anything a person can mend; printed as one line
├── InputError              what came cannot be used
│   ├── RasterError         an image file: missing, empty, truncated, no image, wrong bands
│   ├── LabelError          labels: another size than the image, an unknown colour or class
│   ├── RecipeError         a recipe: misspelt key, wrong type, contradiction
│   ├── DataError           a data set: nothing found, pairs that do not match, windows that overlap
│   └── ModelError          a model file: truncated, altered, no model, or not made for this scene
├── OutputError             a result cannot be written: no such folder, no right, disk full
├── BusyError               another process holds the same output
├── DivergedError           a training's loss or one of its weights is no number any more
├── ExportError             the exported graph does not answer like the network
└── MissingExtraError       an optional part is not installed

A message says what came, what was expected, and what to do.
"""

import re
from pathlib import Path

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str | Path) -> str:
    """Text that can be printed: bytes that are no UTF-8 as \\xff, what breaks or reverses a line as its code."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1].replace(r"\udc", r"\x"), str(text))


class SmaltiError(Exception):
    """Anything a person can mend; its text is one line, also where a name in it, of a file or a key, is not."""

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
    """A data set is incomplete or contradicts itself."""


class ModelError(InputError):
    """A model file is damaged, is no model, or was not made for this input."""


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
        super().__init__(f"{what} is not installed; bring it with: pip install 'smalti[{extra}]'")
