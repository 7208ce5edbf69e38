from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from rasterio.crs import CRS

from smalti.errors import RasterError
from smalti.raster.grid import pixel_size_m
from smalti.raster.mosaic import open_mosaic
from smalti.tiling import Window

SCENE = np.random.default_rng(0).integers(1, 255, (3, 24, 32), np.uint8)


def chip(path: Path, row: int, col: int, pixels: NDArray[Any] | None = None, **options: Any) -> Path:
    """A part of the scene of 12 x 16 pixels, saved with its place."""
    pixels = SCENE[:, row : row + 12, col : col + 16] if pixels is None else pixels
    profile = {
        "driver": "GTiff",
        "count": len(pixels),
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "dtype": pixels.dtype,
        "crs": CRS.from_epsg(32633),
        "transform": Affine(0.5, 0, 500000 + col * 0.5, 0, -0.5, 5000000 - row * 0.5),
        **options,
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
    return path


def four(folder: Path, **options: Any) -> list[Path]:
    return [chip(folder / f"{row}_{col}.tif", row, col, **options) for row in (0, 12) for col in (16, 0)]


def test_chips_become_one_scene(tmp_path: Path) -> None:
    with open_mosaic(four(tmp_path)) as scene:
        assert (scene.grid.height, scene.grid.width) == (24, 32)
        assert scene.grid.xy(0, 0) == (500000, 5000000)
        assert scene.bands == ("red", "green", "blue") and scene.dtype == np.uint8
        pixels, valid = scene.read(Window(5, 7, 15, 18))
        assert np.array_equal(pixels, SCENE[:, 5:20, 7:25]) and valid.all()
        assert scene.read(Window(-2, -2, 28, 36))[0].shape == (3, 28, 36)


@pytest.mark.parametrize("options", [{}, {"nodata": 0}])
def test_gaps_are_invalid(tmp_path: Path, options: dict[str, Any]) -> None:
    with open_mosaic(four(tmp_path, **options)[1:3]) as scene:  # top left and bottom right
        pixels, valid = scene.read(Window(0, 0, 24, 32))
    expected = np.zeros((24, 32), bool)
    expected[:12, :16] = expected[12:, 16:] = True
    assert np.array_equal(valid, expected)
    assert np.array_equal(pixels, np.where(expected, SCENE, 0))


def test_alpha_and_nodata_of_single_files_count(tmp_path: Path) -> None:
    alpha = np.concatenate((SCENE[:, :12, :16], np.full((1, 12, 16), 255, np.uint8)))
    alpha[3, 4] = 0
    paths = [chip(tmp_path / f"{c}.tif", 0, c, alpha, photometric="RGB", alpha="YES") for c in (0, 16)]
    with open_mosaic(paths, bands=["blue"]) as scene:
        pixels, valid = scene.read(Window(0, 0, 12, 32))
    assert pixels.shape[0] == 1 and not valid[4].any() and valid.sum() == 11 * 32
    number = np.full((1, 12, 16), 7, np.int16)
    number[0, 0, 0] = -1
    paths = [chip(tmp_path / f"n{c}.tif", 0, c, number, nodata=nodata) for c, nodata in ((0, -9), (16, -1))]
    with open_mosaic(paths) as scene:
        valid = scene.read(Window(0, 0, 12, 32))[1]
    assert valid[0, 0] and not valid[0, 16] and valid.sum() == 12 * 32 - 1


def test_rounded_coordinates_are_tolerated(tmp_path: Path) -> None:
    paths = four(tmp_path)
    moved = Affine(0.50001, 0, 500000.05, 0, -0.5, 4999993.95)
    chip(paths[3], 12, 0, transform=moved)
    with open_mosaic(paths) as scene:
        assert np.array_equal(scene.read(Window(0, 0, 24, 32))[0], SCENE)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"crs": CRS.from_epsg(32634)}, "its CRS is EPSG:32634, but EPSG:32633 that of"),
        ({"transform": Affine(1, 0, 500000, 0, -1, 5000000)}, "its pixels are 1 x -1 units, but most have 0.5 x -0.5"),
        ({"transform": Affine(0.5, 0, 500000.2, 0, -0.5, 5000000)}, "lies 0.40 pixels beside the grid of"),
        ({"pixels": SCENE[:1, :12, :16]}, "it has 1 bands of uint8, but .* has 3 bands of uint8"),
        ({"pixels": SCENE[:, :12, :16].astype(np.uint16)}, "it has 3 bands of uint16"),
    ],
)
def test_the_file_that_does_not_fit_is_named(tmp_path: Path, options: dict[str, Any], reason: str) -> None:
    odd = chip(tmp_path / "odd.tif", 0, 0, **options)
    with pytest.raises(RasterError, match=rf"odd\.tif: {reason}"):
        open_mosaic([*four(tmp_path), odd])


def test_missing_files_and_no_files(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"no\.tif: there is no such file"):
        open_mosaic([*four(tmp_path), tmp_path / "no.tif"])
    with pytest.raises(RasterError, match="a mosaic of no files"):
        open_mosaic([])
    with open_mosaic(four(tmp_path)[:1]) as scene:
        assert scene.grid.width == 16


def test_tiles_of_a_web_map_lie_where_their_names_say(tmp_path: Path) -> None:
    for x, y in ((386690, 220241), (386691, 220242)):
        Image.fromarray(SCENE[:, :16, :16].transpose(1, 2, 0)).save(tmp_path / f"A-{x}-{y}-19.png")
    with open_mosaic(sorted(tmp_path.iterdir())) as scene:
        assert scene.grid.crs == CRS.from_epsg(3857) and (scene.grid.height, scene.grid.width) == (32, 32)
        lon = scene.grid.xy(0, 0)[0] / 20037508.342789244 * 180
        assert lon == pytest.approx(386690 / 2**19 * 360 - 180)
        assert scene.read(Window(0, 0, 32, 32))[1].sum() == 2 * 256
    (tmp_path / "b.png").write_bytes((tmp_path / "A-386690-220241-19.png").read_bytes())
    with pytest.raises(RasterError, match=r"b\.png: it has no place on the ground"):
        open_mosaic(sorted(tmp_path.iterdir()))


def test_real_chips_join_without_a_gap(shared_data: Path) -> None:
    with open_mosaic(sorted(shared_data.glob("banepa/train/oam/*.tif"))) as scene:
        assert (scene.grid.height, scene.grid.width) == (4096, 3072)
        assert pixel_size_m(scene.grid) == pytest.approx(0.132, abs=1e-3)
        assert scene.read(Window(1000, 1000, 100, 100))[1].all()
    with open_mosaic(sorted(shared_data.glob("kampala/chips/*-21.tif"))) as scene:
        assert (scene.grid.height, scene.grid.width) == (2048, 3072)
