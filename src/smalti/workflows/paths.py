"""Paths given as arguments."""

import os
from pathlib import Path

from smalti.errors import OptionError

_LONGEST = 4096  # bytes: no system opens a longer path


def as_path(value: object, what: str) -> Path:
    """A path; OptionError for another type, for an empty string (which would be the current folder), and for a NUL."""
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise OptionError(f"{what} is {value!r}; expected a path", value=value)
    if len(text.encode(errors="surrogateescape")) >= _LONGEST:
        raise OptionError(f"{what} has {len(text)} characters, {text[:40]!r}...; expected a path", value=value)
    return Path(text)


def path_if_given(value: object, what: str) -> Path | None:
    """The same for an optional argument."""
    return None if value is None else as_path(value, what)


def tif_path(value: object) -> Path:
    """The path of a GeoTIFF to write; OptionError for a path that does not end in .tif or .tiff."""
    path = as_path(value, "path")
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise OptionError(f"{path} must end in .tif or .tiff", value=value)
    return path
