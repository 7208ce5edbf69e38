"""Keeps the outputs of a map from replacing files that are read, or files of other origin."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smalti.errors import OutputError
from smalti.files import beside, check_place, guarded, through
from smalti.raster.files import is_url
from smalti.raster.write import stale_files

_PAGE_MARK = b"Made by Smalti"


@dataclass(frozen=True, slots=True)
class Outputs:
    """All files that one map writes."""

    rasters: tuple[Path, ...]
    """The map itself first."""
    polygons: Path | None = None
    page: Path | None = None

    def files(self) -> list[Path]:
        """The files written, replaced or removed, with side-cars, the lock, and temporary files."""
        first = self.rasters[0]
        others = [path for path in (self.polygons, self.page) if path is not None]
        making = [beside(first, kind) for kind in ("lock", "holder", "partial")]
        cars = [car for raster in self.rasters for name in {raster, through(raster)} for car in _cars(name)]
        return [*self.rasters, *others, *making, *cars]


def _cars(raster: Path) -> list[Path]:
    return [raster.with_name(f"{raster.name}.aux.xml"), *stale_files(raster)]


class Inputs:
    """Files that are read, compared with outputs by inode and not by name."""

    def __init__(self, places: Iterable[str]) -> None:
        """`places` are paths as `files_behind` finds them; URLs are ignored."""
        self._paths = {os.path.realpath(place): place for place in places if place and not is_url(place)}
        self._inodes = {inode: place for place in self._paths.values() if (inode := _inode(place))}

    def refuse_to_replace(self, outputs: Outputs) -> None:
        """OutputError if an output is one of the files, by any name or link, or inside one."""
        for path in outputs.files():
            if taken := self._taken(path):
                raise OutputError(f"{path}: would replace {taken}, which is read for this map; choose another output")

    def _taken(self, path: Path) -> str | None:
        real = Path(os.path.realpath(path))
        for name in (real, *real.parents):
            if str(name) in self._paths:
                return self._paths[str(name)]
        if path.is_dir():
            return next((place for found, place in self._paths.items() if Path(found).is_relative_to(real)), None)
        return self._inodes.get(_inode(str(real)) or (-1, -1))


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None


def check_page(page: Path) -> None:
    """OutputError if a page cannot be written there, or would replace a file that is not a page of this program."""
    check_place(page, parents=True)
    with guarded(page):
        if page.exists() and page.stat().st_size and _PAGE_MARK not in page.read_bytes():
            raise OutputError(f"{page}: exists and is not a page of this program; remove it, or choose another output")


def check_distinct(outputs: Sequence[Outputs]) -> None:
    """OutputError if two maps would write the same file."""
    seen: dict[str, int] = {}
    for k, one in enumerate(outputs):
        for path in (*one.rasters, *filter(None, (one.polygons, one.page))):
            if seen.setdefault(os.path.realpath(path), k) != k:
                raise OutputError(f"{path}: two scenes would be mapped to it; map them in two calls")
