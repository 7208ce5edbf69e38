"""Paths given as arguments."""

from pathlib import Path

from smalti.errors import OptionError


def path_if_given(value: str | Path | None) -> Path | None:
    """A path, or None for none."""
    return None if value is None else Path(value)


def tif_path(value: str | Path) -> Path:
    """The path of a GeoTIFF to write; OptionError for a path that does not end in .tif or .tiff."""
    path = Path(value)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise OptionError(f"{path} must end in .tif or .tiff", value=value)
    return path
