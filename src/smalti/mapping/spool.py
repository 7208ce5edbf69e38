"""Finished strips of a map on the disk, so that a job can be killed at any time.

While OUT.tif is made, OUT.tif.partial holds `job.json`, which describes what the strips were made of, and one file per
finished strip of rows. A strip's file gets its name only when it is complete on the disk, so that what is found after
a kill can be trusted.
"""

import json
import os
from bisect import insort
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from smalti.arrays import Pixels
from smalti.errors import OutputError
from smalti.files import sync
from smalti.tiling import Window


@dataclass(frozen=True, slots=True)
class StripLayer:
    """One raster of a job: the number of its bands and the type of its pixels."""

    bands: int
    dtype: np.dtype[Any]


_AT_ONCE = 1 << 24
"""Bytes that are written at once: rows of single windows are short."""
NOTE = "job.json"
"""The file that describes what a spool's strips are made of."""


def check_spool(folder: Path) -> None:
    """OutputError where a file or folder of that name is not a spool: it may be the user's."""
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except FileNotFoundError:  # nothing yet, or killed before job.json was written
        if not os.path.lexists(folder) or (folder.is_dir() and _names(folder) <= {Path(NOTE).with_suffix(".new").name}):
            return
        note = None
    except (OSError, ValueError):
        note = None
    if not isinstance(note, dict):
        raise OutputError(f"{folder}: exists and was not left by a job; rename it, or choose another output")


def begin_spool(folder: Path, made_of: str = "{}") -> None:
    """Writes the file that makes a folder a spool; `made_of` is the JSON of what its strips are made of."""
    _write_synced(folder / NOTE, made_of.encode())


def remove_spool(folder: Path) -> None:
    """Removes a spool if there is one, last of all what makes it one: what a kill, or a locked file, leaves is one."""
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.name != NOTE:
                entry.unlink()
        (folder / NOTE).unlink(missing_ok=True)
        folder.rmdir()


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


class Strips:
    """The finished strips in a spool's folder, for whoever looks at them while the job runs; changes nothing."""

    def __init__(self, folder: Path, layers: Sequence[StripLayer], width: int) -> None:
        self.folder, self._layers, self._width = folder, layers, width
        self._strips = self._finished()  # (first row, rows) from the top

    @property
    def width(self) -> int:
        """Pixels of a row."""
        return self._width

    @property
    def rows_done(self) -> int:
        """Number of finished rows."""
        return sum(rows for _, rows in self._strips)

    def look(self, layer: int, window: Window, shape: tuple[int, int], missing: float) -> Pixels | None:
        """The nearest pixels of a layer's first band in a window, reduced to `shape`; `missing` where none is finished.

        None where the strips are not there any more.
        """
        found = np.full(shape, missing, self._layers[layer].dtype)
        cols = window.col + ((np.arange(shape[1]) + 0.5) * window.width / shape[1]).astype(np.intp)
        lines = window.row + ((np.arange(shape[0]) + 0.5) * window.height / shape[0]).astype(np.intp)
        for row, rows in self._strips:
            here = (lines >= row) & (lines < row + rows)
            if here.any():
                try:
                    strip = self._read_strip(layer, row, rows)
                except OSError:
                    return None
                found[here] = strip[0, lines[here] - row][:, cols]
        return found if self._strips else None

    def _read_strip(self, layer: int, row: int, rows: int) -> Pixels:
        this = self._layers[layer]
        offset = sum(self._bytes(a, rows) for a in self._layers[:layer])
        shape = (this.bands, rows, self._width)
        return np.memmap(self._path(row, rows), this.dtype, "r", offset, shape)

    def _bytes(self, layer: StripLayer, rows: int) -> int:
        return layer.bands * rows * self._width * layer.dtype.itemsize

    def _path(self, row: int, rows: int) -> Path:
        return self.folder / f"rows_{row:08d}_{rows:08d}"

    def _finished(self) -> list[tuple[int, int]]:
        found = []
        at = 0
        for path in sorted(self.folder.glob("rows_????????_????????")):
            row, rows = (int(part) for part in path.name.split("_")[1:])
            with suppress(FileNotFoundError):  # removed with the spool
                if row >= at and path.stat().st_size == sum(self._bytes(a, rows) for a in self._layers):
                    found.append((row, rows))
                    at = row + rows
        return found


class Spool(Strips):
    """The finished strips of a job, and the current one."""

    def __init__(
        self,
        folder: Path,
        made_of: dict[str, Any],
        layers: Sequence[StripLayer],
        height: int,
        width: int,
        *,
        join: bool = False,
    ) -> None:
        """Opens the spool in `folder`, or starts it; strips made of something else are discarded.

        `made_of` is all that the pixels depend on. `discarded` says whether strips were discarded. With `join` another
        process has started it, and neither is done; OutputError if its strips are made of something else.
        """
        check_spool(folder)
        self._height = height
        wanted = json.dumps(made_of, sort_keys=True)
        job = folder / NOTE
        found = job.read_text(encoding="utf-8") if job.exists() else ""
        if join and found != wanted:
            text = "its strips are made of something else; give all machines the same scene, model and options"
            raise OutputError(f"{folder}: {text}")
        self.discarded = found not in ("", wanted)
        if found != wanted:
            remove_spool(folder)
            folder.mkdir(parents=True)
            begin_spool(folder, wanted)
        super().__init__(folder, layers, width)
        self._waiting: list[tuple[Window, Sequence[Pixels]]] = []
        """Windows side by side that are not in the strip's file yet."""

    def gaps(self, begin: int = 0, end: int | None = None) -> list[tuple[int, int]]:
        """The first row, and the first row after, of each gap between the finished rows from `begin` to `end`."""
        end = self._height if end is None else end
        found = [(row, row + rows) for row, rows in self._strips if row < end and row + rows > begin]
        edges = [begin, *(edge for strip in found for edge in strip), end]
        return [(top, bottom) for top, bottom in zip(edges[::2], edges[1::2], strict=True) if top < bottom]

    def look_again(self) -> None:
        """Finds strips that other processes have finished since."""
        self._strips = self._finished()

    def put(self, window: Window, blocks: Sequence[Pixels]) -> None:
        """Adds a window of the current strip, one array (bands, H, W) per layer; windows come from left to right."""
        if window.col == 0:
            self._waiting = []
        self._waiting.append((window, blocks))
        size = sum(block.nbytes for _, each in self._waiting for block in each)
        if window.right < self._width and size < _AT_ONCE:
            return
        window, blocks = _joined(self._waiting)
        self._waiting = []
        path = self._path(window.row, window.height)
        partial = path.with_suffix(".new")
        with _removed_if_it_fails(partial), partial.open("r+b" if window.col else "wb") as file:
            for layer, block in enumerate(blocks):
                for band, plane in enumerate(block):
                    self._write(file, layer, band, window, np.ascontiguousarray(plane))
            if window.right < self._width:
                return
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync(path.parent)
        insort(self._strips, (window.row, window.height))

    def _write(self, file: BinaryIO, layer: int, band: int, window: Window, plane: Pixels) -> None:
        """Writes one band of a window into the file of its strip, row by row unless the window is as wide."""
        start = sum(self._bytes(a, window.height) for a in self._layers[:layer])
        if window.width == self._width:
            file.seek(start + band * plane.nbytes)
            file.write(plane.data)
            return
        size = plane.itemsize
        for k, row in enumerate(plane):
            file.seek(start + ((band * window.height + k) * self._width + window.col) * size)
            file.write(row.data)

    def read(self, layer: int, begin: int, end: int) -> Pixels:
        """Finished rows of a layer: (bands, rows, width)."""
        parts = [
            self._read_strip(layer, row, rows)[:, max(begin - row, 0) : end - row]
            for row, rows in self._strips
            if row < end and row + rows > begin
        ]
        return np.concatenate(parts, axis=1)

    def keep(self, name: str, content: bytes) -> None:
        """Keeps further content with the strips, in a file of that name."""
        _write_synced(self.folder / name, content)

    def all_kept(self, pattern: str) -> Iterator[bytes]:
        """What `keep` kept under names that match a pattern."""
        return (path.read_bytes() for path in sorted(self.folder.glob(pattern)))

    def remove(self) -> None:
        """Removes the spool from the disk."""
        remove_spool(self.folder)


def _joined(parts: Sequence[tuple[Window, Sequence[Pixels]]]) -> tuple[Window, list[Pixels]]:
    """Windows that lie side by side as one."""
    (first, _), (last, _) = parts[0], parts[-1]
    blocks = [np.concatenate(layer, axis=2) for layer in zip(*(blocks for _, blocks in parts), strict=True)]
    return Window(first.row, first.col, first.height, last.right - first.col), blocks


def _write_synced(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".new")
    with _removed_if_it_fails(partial), partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync(path.parent)


@contextmanager
def _removed_if_it_fails(path: Path) -> Iterator[None]:
    """Removes a file for which there is no room."""
    try:
        yield
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
