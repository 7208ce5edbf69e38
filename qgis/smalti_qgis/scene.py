"""The file behind a raster layer."""

from __future__ import annotations

from pathlib import Path

_SAVE = "save it as a GeoTIFF (right click on it, Export, Save As) and use that file"


class SceneError(Exception):
    """A layer is not a file; its text is one line that says what to do."""


def scene_of(name: str, provider: str, source: str) -> str:
    """What the program reads: a path, a URL or a path of GDAL's virtual file systems.

    Args:
        name: the layer's name, for messages.
        provider: which of QGIS's providers shows it; only that of GDAL reads files.
        source: what that provider reads.

    Raises:
        SceneError: the layer is shown by a server, lies in memory, is computed, or its file is missing.
    """
    if provider != "gdal":
        raise SceneError(f"layer {name!r} comes from {provider or 'no provider'}, not from a file; {_SAVE}")
    path = source.partition("|")[0]
    if path.startswith("/vsimem/"):
        raise SceneError(f"layer {name!r} is only in QGIS's memory; {_SAVE}")
    if path.lstrip().startswith("<"):
        raise SceneError(f"layer {name!r} is computed and not stored; {_SAVE}")
    if Path(path).is_absolute() and not path.startswith("/vsi") and not Path(path).exists():
        raise SceneError(f"layer {name!r}: there is no file {path} any more; add the layer again")
    return path
