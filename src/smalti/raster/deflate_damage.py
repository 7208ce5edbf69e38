"""Detects deflated blocks of a TIFF that unpack to more bytes than their pixels take, damage that GDAL ignores.

GDAL reads what fits. The checksum at the end, which would reveal the damage, is then not checked, and libdeflate
leaves the last pixels uninitialised: they differ at each reading. Pixels of which that checksum is right need not be
unpacked a second time, which takes seven times as long.
"""

import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.windows import Window as RasterioWindow

from smalti.raster.check import REFUSALS
from smalti.tiling import Window


class DeflatedBlocks:
    """The deflated blocks of a local TIFF; each is checked once."""

    def __init__(self, path: str, dataset: Any) -> None:
        self._path, self._dataset = path, dataset
        self._height, self._width = dataset.block_shapes[0]
        self._mixed = dataset.interleaving is not None and dataset.interleaving.name == "pixel"
        self._sound: set[tuple[int, int, int]] = set()
        depth = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") or _bits(dataset.dtypes[0])
        self._row_bytes = (self._width * int(depth) * (dataset.count if self._mixed else 1) + 7) // 8

    def check(self, window: Window, bands: Sequence[int]) -> None:
        """ValueError if one of the blocks under a window of the file, of `bands` (numbers from 1), is damaged so."""
        rows = range(window.row // self._height, (window.bottom - 1) // self._height + 1)
        cols = range(window.col // self._width, (window.right - 1) // self._width + 1)
        blocks = {(row, col, band) for row in rows for col in cols for band in ((1,) if self._mixed else bands)}
        fresh = sorted(blocks - self._sound)
        if not fresh:
            return
        with Path(self._path).open("rb") as file:
            for block in fresh:
                self._check(file, *block, bands)
        self._sound.update(fresh)

    def _check(self, file: Any, row: int, col: int, band: int, bands: Sequence[int]) -> None:
        place, size = (
            int(self._dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=band) or 0)
            for what in ("OFFSET", "SIZE")
        )
        if not size:  # a block that was never written
            return
        file.seek(place)
        data = file.read(size)
        if self._is_right(Window(row, col, self._height, self._width), band, bands, data[-4:]):
            return
        full = self._height * self._row_bytes
        need = min(self._height, self._dataset.height - row * self._height) * self._row_bytes
        try:
            found = len(zlib.decompressobj().decompress(data, full + 1))
        except zlib.error as error:
            raise ValueError(f"deflated data are damaged: {error}") from None
        if found > need and found != full:  # some programs write a last strip as long as the others
            raise ValueError(f"deflated data are damaged: a block unpacks to more than its {need} bytes")

    def _is_right(self, block: Window, band: int, bands: Sequence[int], checksum: bytes) -> bool:
        """Whether a checksum is that of the pixels that GDAL reads.

        False, too, where they are stored in another form: with a predictor, in more bits, beyond the image's border.
        """
        row, col = block.row * block.height, block.col * block.width
        whole = row + block.height <= self._dataset.height and col + block.width <= self._dataset.width
        wanted = [*range(1, self._dataset.count + 1)] if self._mixed else [band]
        if not whole or {*self._dataset.dtypes} != {"uint8"} or not {*wanted} <= {*bands}:
            return False
        with suppress(*REFUSALS):
            place = RasterioWindow(col, row, block.width, block.height)
            stored = np.dstack([*self._dataset.read(wanted, window=place)])
            return zlib.adler32(np.ascontiguousarray(stored).data) == int.from_bytes(checksum, "big")
        return False


def deflated_blocks(path: str, dataset: Any) -> DeflatedBlocks | None:
    """The blocks of an open dataset, None where they are not deflated or lie in no local TIFF."""
    if dataset.driver != "GTiff" or dataset.compression is None or not Path(path).is_file():
        return None
    return DeflatedBlocks(path, dataset) if dataset.compression.name == "deflate" else None


def _bits(kind: str) -> int:
    return 8 * np.dtype(kind).itemsize
