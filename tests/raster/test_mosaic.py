import shutil
import subprocess
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
from smalti.raster.ground import pixel_size_m
from smalti.raster.mosaic import open_mosaic
from smalti.raster.read import open_raster
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
        ({"crs": CRS.from_epsg(32634)}, "its CRS is EPSG:32634, but that of .* is EPSG:32633"),
        (
            {"transform": Affine(1, 0, 500000, 0, -1, 5000000)},
            "its pixels are 1 x -1 units, but those of .*0_16.tif are 0.5 x -0.5; resample them",
        ),
        ({"transform": Affine(0.5, 0, 500000.2, 0, -0.5, 5000000)}, "lies 0.40 pixels beside the grid of"),
        (
            {"transform": Affine(0.5, 0, 500000, 0, 0.5, 4999994)},
            "it is turned or mirrored relative to .* -tr 0.5 0.5 -tap",
        ),
        ({"transform": Affine(0.5, 0, 5e5, 0, -0.5, 5e6) @ Affine.rotation(5)}, "it is turned or mirrored"),
        ({"pixels": SCENE[:1, :12, :16]}, r"it has 1 bands of uint8 \(band1\), but .* has 3 bands of uint8"),
        ({"pixels": SCENE[:, :12, :16].astype(np.uint16)}, "it has 3 bands of uint16"),
    ],
)
def test_the_file_that_does_not_fit_is_named(tmp_path: Path, options: dict[str, Any], reason: str) -> None:
    odd = chip(tmp_path / "odd.tif", 0, 0, **options)
    with pytest.raises(RasterError, match=rf"odd\.tif: {reason}"):
        open_mosaic([*four(tmp_path), odd])


def collared(folder: Path, kind: str, dtype: str) -> list[Path]:
    """Two chips of 12 x 20 pixels that overlap by 8 columns, the later one with a collar, all told in one way."""
    paths = []
    for name, col in (("a", 0), ("b", 12)):
        pixels = SCENE[:, :12, col : col + 20].astype(dtype)
        known = np.full((12, 20), 255, np.uint8)
        if name == "b":
            known[np.arange(20)[None] < 8 - np.arange(12)[:, None]] = 0
        pixels[:, known == 0] = np.nan if kind == "nan" else 0
        options: dict[str, Any] = {"nodata": 0} if kind == "nodata" else {}
        if kind == "alpha":
            pixels = np.concatenate((pixels, known[None].astype(dtype)))
            options = {"photometric": "RGB", "alpha": "YES"}
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "mask"):
            path = chip(folder / f"{name}.tif", 0, col, pixels, **options)
            if kind in ("mask", "msk"):
                with rasterio.open(path, "r+") as file:
                    file.write_mask(known)
        paths.append(path)
    return paths


COLLARS = [("nodata", "uint8"), ("nodata", "int16"), ("alpha", "uint8"), ("mask", "uint8"), ("msk", "uint16")]


@pytest.mark.parametrize(("kind", "dtype"), [*COLLARS, ("nan", "float32")])
def test_a_collar_does_not_hide_what_lies_below(tmp_path: Path, kind: str, dtype: str) -> None:
    with open_mosaic(collared(tmp_path, kind, dtype)) as scene:
        pixels, valid = scene.read(Window(0, 0, 12, 32))
    assert valid.all() and pixels.dtype == dtype and np.array_equal(pixels, SCENE[:, :12].astype(dtype))


@pytest.mark.skipif(shutil.which("gdalbuildvrt") is None, reason="needs gdalbuildvrt")
@pytest.mark.parametrize(("kind", "dtype"), COLLARS)
def test_a_mosaic_equals_a_virtual_raster_of_gdal(tmp_path: Path, kind: str, dtype: str) -> None:
    paths = collared(tmp_path, kind, dtype)
    pixels = SCENE[:, :12, :20].astype(dtype)
    lone = chip(tmp_path / "c.tif", 18, 8, np.concatenate((pixels, pixels[:1])) if kind == "alpha" else pixels)
    if kind == "nodata":
        lone = chip(tmp_path / "c.tif", 18, 8, pixels, nodata=0)
    elif kind == "alpha":
        lone = chip(tmp_path / "c.tif", 18, 8, np.concatenate((pixels, pixels[:1])), photometric="RGB", alpha="YES")
    subprocess.run(["gdalbuildvrt", "-q", tmp_path / "all.vrt", *paths, lone], check=True)
    with open_mosaic([*paths, lone]) as ours, open_raster(tmp_path / "all.vrt") as theirs:
        assert ours.grid == theirs.grid and ours.bands == theirs.bands
        for window in (Window(0, 0, 30, 32), Window(5, 9, 14, 9)):
            pixels, valid = ours.read(window)
            expected, known = theirs.read(window)
            assert np.array_equal(valid, known) and np.array_equal(pixels, expected)
        assert not ours.read(Window(0, 0, 30, 32))[1].all()


def test_all_that_a_file_declares_decides(tmp_path: Path) -> None:
    below = chip(tmp_path / "a.tif", 0, 0)
    both = np.concatenate((SCENE[:, 12:, 16:], np.full((1, 12, 16), 255, np.uint8)))
    both[:3, 0], both[3, 1] = 7, 0
    above = chip(tmp_path / "b.tif", 0, 0, both, photometric="RGB", alpha="YES", nodata=7)
    with open_mosaic([below, above]) as scene:  # bands with and without alpha are alike
        pixels, valid = scene.read(Window(0, 0, 12, 16))
    assert valid.all() and np.array_equal(pixels[:, :2], SCENE[:, :2, :16])
    assert np.array_equal(pixels[:, 2:], SCENE[:, 14:, 16:])


@pytest.mark.slow
def test_more_files_than_are_kept_open(tmp_path: Path) -> None:
    paths = [chip(tmp_path / f"{k}.tif", 0, k, SCENE[:, :2, k % 32 : k % 32 + 1]) for k in range(96)]
    with open_mosaic(paths) as scene:
        for _ in range(2):
            pixels, valid = scene.read(Window(0, 0, 2, 96))
            assert valid.all() and np.array_equal(pixels, np.tile(SCENE[:, :2], 3))
        assert len(scene._open) <= 32  # type: ignore[attr-defined]


def test_a_mosaic_is_resampled_as_one(tmp_path: Path) -> None:
    whole = chip(tmp_path / "whole.tif", 0, 0, SCENE)
    with open_mosaic(four(tmp_path), resolution=0.8) as mosaic, open_raster(whole, resolution=0.8) as scene:
        assert mosaic.grid == scene.grid and (scene.grid.height, scene.grid.width) == (15, 20)
        for window in (Window(0, 0, 15, 20), Window(-2, 7, 9, 9)):
            for ours, theirs in zip(mosaic.read(window), scene.read(window), strict=True):
                assert np.array_equal(ours, theirs)


def test_one_crs_may_be_written_in_several_ways(tmp_path: Path) -> None:
    paths = four(tmp_path)
    chip(paths[1], 0, 0, crs=CRS.from_string("+proj=utm +zone=33 +datum=WGS84 +units=m"))
    with open_mosaic(paths) as scene:
        assert scene.grid.crs == CRS.from_epsg(32633)
        assert np.array_equal(scene.read(Window(0, 0, 24, 32))[0], SCENE)


def test_two_sizes_of_pixels_are_told_by_files(tmp_path: Path) -> None:
    paths = [
        chip(tmp_path / "a.tif", 0, 0),
        chip(tmp_path / "b.tif", 0, 16, transform=Affine(1, 0, 500008, 0, -1, 5e6)),
    ]
    with pytest.raises(RasterError, match=r"b\.tif: its pixels are 1 x -1 units, but those of .*a\.tif are 0.5 x -0.5"):
        open_mosaic(paths)


def test_missing_files_and_no_files(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match=r"no\.tif: there is no such file"):
        open_mosaic([*four(tmp_path), tmp_path / "no.tif"])
    with pytest.raises(RasterError, match="a mosaic without files"):
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


def test_chips_on_both_sides_of_the_date_line_lie_side_by_side(tmp_path: Path) -> None:
    step, degrees = 1e-4, CRS.from_epsg(4326)
    west = Affine(step, 0, 180 - 16 * step, 0, -step, 10)
    left = chip(tmp_path / "left.tif", 0, 0, crs=degrees, transform=west)
    right = chip(tmp_path / "right.tif", 0, 16, crs=degrees, transform=Affine(step, 0, -180, 0, -step, 10))
    for paths in ((left, right), (right, left)):
        with open_mosaic(paths) as scene:
            assert (scene.grid.height, scene.grid.width) == (12, 32)
            assert scene.grid.xy(0, 0) == pytest.approx((west.c, 10))
            pixels, valid = scene.read(Window(0, 0, 12, 32))
        assert valid.all() and np.array_equal(pixels, SCENE[:, :12])


def test_a_chip_beside_the_grid_is_brought_onto_it_as_the_error_says(tmp_path: Path) -> None:
    if shutil.which("gdalwarp") is None:
        pytest.skip("without GDAL's programs")
    first = chip(tmp_path / "a.tif", 0, 0)
    chip(tmp_path / "b.tif", 0, 16, transform=Affine(0.5, 0, 500008.25, 0, -0.5, 5000000.2))
    with pytest.raises(RasterError, match=r"lies 0\.50 pixels beside") as told:
        open_mosaic([first, tmp_path / "b.tif"])
    words = str(told.value).partition("bring it onto that one: ")[2].split()
    names = {"IN.tif": str(tmp_path / "b.tif"), "OUT.tif": str(tmp_path / "c.tif")}
    subprocess.run([names.get(word, word) for word in words], check=True, capture_output=True)
    with open_mosaic([first, tmp_path / "c.tif"]) as scene:
        assert (scene.grid.height, scene.grid.width) in ((12, 32), (13, 32))
