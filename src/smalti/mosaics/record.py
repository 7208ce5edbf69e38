"""What the folder of a mosaic says of it: its grid, and its scenes as they were found, so that each is opened once."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from affine import Affine
from rasterio.crs import CRS

from smalti.errors import OutputError
from smalti.mosaics.grid import MosaicGrid
from smalti.mosaics.source import Reading, Source
from smalti.raster.grid import Grid
from smalti.remote.shelf import Shelf, merge

NAME = "scenes.json"
"""The document of a mosaic's folder or prefix."""


class Record:
    """The scenes that are known from an earlier run on the same grid, or of another machine."""

    def __init__(self, shelf: Shelf, reading: Reading, asked: str) -> None:
        """`asked` is what else decides how a scene is looked at. OutputError where the file is not a mosaic's."""
        self._shelf, self._reading, self._asked = shelf, reading, [repr(reading), asked]
        self.grid: dict[str, Any] | None = None
        self._found: dict[str, Any] = {}
        if (found := shelf.get(NAME)) is not None:
            self._load(found[0])

    def _load(self, text: bytes) -> None:
        try:
            content = json.loads(text)
            self.grid = dict(content["grid"])
            self._found = dict(content["scenes"]) if content["asked"] == self._asked else {}
        except (ValueError, KeyError, TypeError):
            where = self._shelf.where(NAME)
            raise OutputError(f"{where}: exists and is no list of a mosaic's scenes; choose another output") from None

    def get(self, path: str) -> Source | None:
        """A scene as it was found; None if it is new, or its file or cloud mask has changed."""
        found = self._found.get(path)
        if found is None or found["file"] != _stamps(path, self._reading):
            return None
        height, width = found["size"]
        grid = Grid(height, width, Affine(*found["place"]), CRS.from_wkt(found["crs"]))
        return Source(path, grid, tuple(found["bands"]), found["taken"], found["clear"], self._reading)

    def write(self, grid: MosaicGrid, sources: Iterable[Source]) -> None:
        """Writes the file whole, if it would change."""
        scenes = {source.path: _entry(source) for source in sources}
        content = {"grid": described(grid), "asked": self._asked, "scenes": scenes}
        if (self.grid, self._found) != (content["grid"], scenes):
            merge(self._shelf, NAME, lambda _: json.dumps(content, indent=1).encode())


def described(grid: MosaicGrid) -> dict[str, Any]:
    """A grid for JSON."""
    return {"crs": grid.crs.to_wkt(), "pixel": grid.pixel, "tile": grid.tile}


def _entry(source: Source) -> dict[str, Any]:
    grid = source.grid
    return {
        "file": _stamps(source.path, source.reading), "size": [grid.height, grid.width],
        "place": list(grid.transform[:6]), "crs": grid.crs.to_wkt() if grid.crs else "",
        "bands": list(source.bands), "taken": source.taken, "clear": source.clear,
    }  # fmt: skip


def _stamps(path: str, reading: Reading) -> list[int]:
    """Sizes and times of a scene's files; nothing of a URL, whose state the tiles' own marks know."""
    found: list[int] = []
    for file in reading.files(path):
        with suppress(OSError):
            stat = Path(file).stat()
            found += [stat.st_size, stat.st_mtime_ns]
    return found
