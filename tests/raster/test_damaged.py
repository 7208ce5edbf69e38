"""Rasters that were damaged on their way: refused in one line, and never read as something else."""

import io
import os
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from smalti.card import Task
from smalti.errors import LabelError, RasterError
from smalti.raster.files import files_behind
from smalti.raster.grid import Grid
from smalti.raster.labels import open_labels
from smalti.raster.mark import state
from smalti.raster.read import FileReader, open_raster
from smalti.tiling import Window
from tests.conftest import Run

SIZE = 96
PLACE = {"crs": "EPSG:32633", "transform": rasterio.Affine(0.5, 0, 5e5, 0, -0.5, 5e6)}
TASK = Task(name="cover", labels=("a", "b"))


def picture() -> np.ndarray:
    """H,W,3: a slope with noise, so that every part of its JPEG takes some bytes."""
    rng = np.random.default_rng(0)
    rows, cols = np.mgrid[:SIZE, :SIZE]
    return (np.stack((rows, cols, rows + cols), -1) + rng.integers(0, 40, (SIZE, SIZE, 3))).astype(np.uint8)


def write_tiff(path: Path, **options: Any) -> Path:
    profile = {"driver": "GTiff", "height": SIZE, "width": SIZE, "count": 3, "dtype": "uint8", **PLACE}
    layout = {"tiled": True, "blockxsize": 32, "blockysize": 32, "interleave": "pixel"}
    with rasterio.open(path, "w", **(profile | layout | options)) as file:
        file.write(picture().transpose(2, 0, 1)[:, : file.height])
    return path


def read_all(path: Path) -> np.ndarray:
    with open_raster(path) as file:
        return file.read(Window(0, 0, SIZE, SIZE))[0]


def entry(content: bytes, tag: int) -> int:
    """Where the entry of a tag stands in the first directory of a little-endian TIFF."""
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    return next(place for place in places if struct.unpack_from("<H", content, place) == (tag,))


def one_line(error: pytest.ExceptionInfo[Any], path: Path) -> bool:
    return str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("tag", [324, 325], ids=["TileOffsets", "TileByteCounts"])
def test_a_list_of_tiles_that_lies_elsewhere_is_one_line(tmp_path: Path, tag: int) -> None:
    """GDAL notices only when it is asked for the bands, and rasterio lets its error pass as it is."""
    path = write_tiff(tmp_path / "a.tif", compress="lzw")
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, entry(content, tag) + 8, 1 << 30)
    path.write_bytes(content)
    with pytest.raises(RasterError) as error:
        read_all(path)
    assert one_line(error, path)


def jpeg(**options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def broken(content: bytes) -> bytes:
    """Coded data that end in the middle: a marker stands where the next code should."""
    middle = content.index(b"\xff\xda") + (len(content) - content.index(b"\xff\xda")) // 2
    return content[:middle] + b"\xff\xd9" + content[middle + 2 :]


def test_a_jpeg_with_missing_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(broken(jpeg()))
    with pytest.raises(RasterError, match="damaged") as error:
        read_all(path)
    assert one_line(error, path)


def test_a_jpeg_tile_with_missing_data_is_refused(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", compress="jpeg", photometric="ycbcr")
    content = path.read_bytes()
    tile = content.rindex(b"\xff\xd8")
    path.write_bytes(content[:tile] + broken(content[tile:]))
    with pytest.raises(RasterError, match="Corrupt JPEG data") as error:
        read_all(path)
    assert one_line(error, path)


def test_bytes_too_many_before_the_end_are_no_damage(tmp_path: Path) -> None:
    """Some cameras write them."""
    whole, padded = tmp_path / "whole.jpg", tmp_path / "padded.jpg"
    whole.write_bytes(jpeg())
    padded.write_bytes(jpeg()[:-2] + b"\0" * 6 + b"\xff\xd9")
    assert np.array_equal(read_all(padded), read_all(whole))


class Asked:
    """A dataset that counts how often something is asked of it."""

    def __init__(self, dataset: Any) -> None:
        self.file, self.asked = dataset, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self.file, name)


def test_what_is_declared_is_not_asked_for_once_per_band(tmp_path: Path) -> None:
    """rasterio goes through all bands each time: with the 16,385 of a damaged count that took minutes."""
    path = tmp_path / "a.tif"
    with rasterio.open(path, "w", driver="GTiff", height=2, width=2, count=60, dtype="uint8", **PLACE) as file:
        file.write(np.zeros((60, 2, 2), np.uint8))
    with rasterio.open(path) as file:
        dataset = Asked(file)
        assert len(FileReader(str(path), dataset, None, expand=True, holes=True).bands) == 60
        assert max(dataset.asked.values()) < 10


def test_of_many_bands_only_those_of_colours_are_read_as_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with rasterio.open(path, "w", driver="GTiff", height=4, width=4, count=9, dtype="uint8", **PLACE) as file:
        file.write(np.zeros((9, 4, 4), np.uint8))
    with pytest.raises(LabelError, match="no class has a colour"):
        open_labels(path, Grid(4, 4, PLACE["transform"], rasterio.CRS.from_epsg(32633)), TASK)
    colored = Task(name="cover", labels=("a", "b"), colors=((0, 0, 0), (9, 9, 9)))
    labels = open_labels(path, Grid(4, 4, PLACE["transform"], rasterio.CRS.from_epsg(32633)), colored)
    assert not labels.read(Window(0, 0, 4, 4)).any()
    labels.close()


def test_gdal_prints_nothing_past_python(tmp_path: Path, smalti: Run) -> None:
    path = write_tiff(tmp_path / "a.tif", compress="lzw")
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, entry(content, 325) + 2, 12)  # counts that are said to be fractions
    path.write_bytes(content)
    done = smalti("map", path, "-o", "map.tif", check=False)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [line for line in done.stderr.splitlines() if line.startswith("smalti: ")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tif")
    with pytest.raises(RasterError, match="it is a pipe"):
        open_raster(tmp_path / "pipe.tif")
    assert files_behind([str(tmp_path / "pipe.tif")])
    assert state(tmp_path / "pipe.tif", "job") == "foreign"


def replace_strip(content: bytearray, number: int, strip: bytes) -> None:
    """Puts other data for a strip at the end of a TIFF."""
    for tag, value in ((273, len(content)), (279, len(strip))):
        place = entry(content, tag)
        kind, _, at = struct.unpack_from("<HII", content, place + 2)
        code = "<H" if kind == 3 else "<I"
        struct.pack_into(code, content, at + number * struct.calcsize(code), value)
    content += strip


@pytest.mark.parametrize(
    ("options", "again"),
    [({"interleave": "pixel"}, 1), ({"interleave": "band"}, 3), ({"interleave": "pixel", "predictor": 2}, 3)],
    ids=str,
)
def test_deflated_data_with_the_checksum_of_their_pixels_are_not_unpacked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], again: int
) -> None:
    """Besides those of a last strip, which has fewer rows than the others."""
    path = write_tiff(tmp_path / "a.tif", compress="deflate", tiled=False, blockysize=32, height=90, **options)
    unpacked: list[int] = []
    unpack = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", lambda: unpacked.append(1) or unpack())
    with open_raster(path) as file:
        file.read(Window(0, 0, 90, SIZE))
    assert len(unpacked) == again


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize(("strip", "rows", "refused"), [(0, 33, True), (2, 31, True), (2, 32, False), (1, 32, False)])
def test_deflated_data_that_are_longer_than_their_pixels(
    tmp_path: Path, interleave: str, strip: int, rows: int, refused: bool
) -> None:
    """GDAL reads what fits, and of that the end as it finds it in memory; a last strip may be as long as the others."""
    path = write_tiff(
        tmp_path / "a.tif", compress="deflate", tiled=False, blockysize=32, height=90, interleave=interleave
    )
    content = bytearray(path.read_bytes())
    bands = 3 if interleave == "pixel" else 1
    replace_strip(content, strip, zlib.compress(bytes(range(SIZE)) * rows * bands))
    path.write_bytes(content)
    with open_raster(path) as file:
        assert file.read(Window(0 if strip else 32, 0, 32, SIZE))[1].all()  # another strip
        if refused:
            with pytest.raises(RasterError, match="deflated data are damaged: a block unpacks to more") as error:
                file.read(Window(0, 0, 90, SIZE))
            assert one_line(error, path)
        else:
            pixels, _ = file.read(Window(32 * strip, 0, 26, SIZE))
            assert (pixels[0, 0] == np.arange(SIZE) * bands % SIZE).all()
