import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioIOError
from rasterio.rpc import RPC

from smalti.errors import RasterError
from smalti.raster.bands import choose
from smalti.raster.files import quiet_open
from smalti.raster.grid import Grid
from smalti.raster.ground import pixel_size_m
from smalti.raster.mosaic import open_mosaic
from smalti.raster.read import FileReader, open_file, open_raster
from smalti.tiling import Window

RGB = np.random.default_rng(0).integers(1, 255, (3, 20, 30), np.uint8)
WHOLE = Window(0, 0, 20, 30)
PLACE = {"crs": CRS.from_epsg(32633), "transform": Affine(0.5, 0, 500000, 0, -0.5, 5000000)}


def tif(path: Path, pixels: NDArray[Any], colors: list[str] | None = None, **options: Any) -> Path:
    profile = {"count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2], "dtype": pixels.dtype}
    with rasterio.open(path, "w", **{"driver": "GTiff", **profile, **PLACE, **options}) as file:
        file.write(pixels)
        if colors:
            file.colorinterp = [ColorInterp[color] for color in colors]
    return path


def test_pixels_names_grid_and_type(tmp_path: Path) -> None:
    with open_raster(tif(tmp_path / "a.tif", RGB)) as reader:
        pixels, valid = reader.read(Window(3, 4, 10, 12))
        assert np.array_equal(pixels, RGB[:, 3:13, 4:16]) and valid.all() and valid.dtype == bool
        assert reader.bands == ("red", "green", "blue") and reader.names_known and not reader.masked
        assert (reader.grid.height, reader.grid.width) == (20, 30) and reader.grid.crs == PLACE["crs"]
        assert reader.grid.transform == PLACE["transform"] and reader.dtype == np.uint8
        assert reader.scales == (1, 1, 1) and reader.offsets == (0, 0, 0)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_every_type_comes_as_stored(tmp_path: Path, dtype: str) -> None:
    with open_raster(tif(tmp_path / "a.tif", RGB.astype(dtype) * np.array(2, dtype))) as reader:
        pixels, _ = reader.read(WHOLE)
    assert pixels.dtype == dtype and np.array_equal(pixels, RGB.astype(dtype) * np.array(2, dtype))


def test_bands_by_name_and_number(tmp_path: Path) -> None:
    four = np.concatenate((RGB, RGB[:1] // 2))
    path = tif(tmp_path / "a.tif", four)
    with rasterio.open(path, "r+") as file:
        assert file.colorinterp[3] == ColorInterp.alpha  # so GDAL calls any fourth byte; the description knows better
        file.descriptions = (None, None, None, "Near Infrared")
    with open_raster(path, ["nir", 1, "B", "2"]) as reader:
        assert reader.bands == ("nir", "red", "blue", "green") and reader.names_known
        pixels, valid = reader.read(WHOLE)
        assert np.array_equal(pixels, four[[3, 0, 2, 1]]) and valid.all() and not reader.masked
    with pytest.raises(RasterError, match=r"a\.tif: there is no band 'swir'; it has 1 red, 2 green, 3 blue, 4 nir"):
        open_raster(path, ["swir"])
    for number in (5, -1, "-1", "9" * 5000):
        with pytest.raises(RasterError, match="there is no band"):
            open_raster(path, [number])


def test_bands_without_names_are_numbered(tmp_path: Path) -> None:
    five = np.concatenate((RGB, RGB))[:5].astype(np.uint16)
    with open_raster(tif(tmp_path / "a.tif", five, photometric="MINISBLACK")) as reader:
        assert reader.bands == ("band1", "band2", "band3", "band4", "band5") and not reader.names_known
    with open_raster(tif(tmp_path / "b.tif", RGB, photometric="MINISBLACK")) as reader:
        assert reader.bands == ("red", "green", "blue") and not reader.names_known


def described(path: Path, names: Sequence[str | None], colors: list[str] | None = None, **options: Any) -> Path:
    count = len(names)
    tif(path, np.concatenate((RGB, RGB, RGB))[:count], colors, photometric="MINISBLACK", **options)
    with rasterio.open(path, "r+") as file:
        file.descriptions = names
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Red band", "green (B3)", "Band 2: Blue, 490 nm"), ("red", "green", "blue")),
        (("R", "g", "B4 - near-infrared"), ("red", "green", "nir")),
        (("Vegetation", "swir_1", "SWIR 2"), ("vegetation", "swir_1", "swir 2")),
        (("red edge", "b05 red edge", "NDVI (nir-red)"), ("red edge", "b05 red edge", "ndvi (nir-red)")),
    ],
)
def test_colours_are_found_in_descriptions(tmp_path: Path, names: Sequence[str], expected: Sequence[str]) -> None:
    with open_raster(described(tmp_path / "a.tif", names)) as reader:
        assert reader.bands == expected and reader.names_known
    with open_raster(tmp_path / "a.tif", names[::-1]) as reader:
        assert reader.bands == tuple(expected[::-1])


@pytest.mark.parametrize("names", [("Layer_1", "Layer_2", "Layer_3"), ("Band 1", "Band 2", "Band 3"), ("1", "2", "3")])
def test_names_that_only_count_say_nothing_about_colours(tmp_path: Path, names: Sequence[str]) -> None:
    with open_raster(described(tmp_path / "a.tif", names, ["blue", "green", "red"]), ["red"]) as reader:
        assert np.array_equal(reader.read(WHOLE)[0], RGB[2:])
    with open_raster(described(tmp_path / "b.tif", names)) as reader:
        assert reader.bands == ("red", "green", "blue") and not reader.names_known
    with open_raster(described(tmp_path / "c.tif", (*names, "NDVI"))) as reader:
        assert reader.bands == ("band1", "band2", "band3", "ndvi") and not reader.names_known
    with open_raster(tmp_path / "c.tif", [names[2], names[0]]) as reader:
        assert reader.bands == ("band3", "band1")


def test_scale_and_offset_are_told_but_not_applied(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", RGB.astype(np.uint16))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (1e-4, 2e-4, 3e-4), (0, -0.1, 0)
    with open_raster(path, [2]) as reader:
        assert reader.scales == (2e-4,) and reader.offsets == (-0.1,)
        assert np.array_equal(reader.read(WHOLE)[0], RGB[1:2])


def test_nodata_of_bytes_is_where_all_bands_hold_it(tmp_path: Path) -> None:
    pixels = RGB.copy()
    pixels[:, 5, 5] = pixels[0, 6, 6] = 0
    with open_raster(tif(tmp_path / "a.tif", pixels, nodata=0)) as reader:
        found, valid = reader.read(WHOLE)
        assert reader.masked and not valid[5, 5] and valid.sum() == 599 and np.array_equal(found, pixels)


def test_nodata_of_other_types_is_where_any_band_holds_it(tmp_path: Path) -> None:
    pixels = RGB.astype(np.int16)
    pixels[1, 5, 5] = -9999
    with open_raster(tif(tmp_path / "a.tif", pixels, nodata=-9999)) as reader:
        found, valid = reader.read(WHOLE)
    assert not valid[5, 5] and valid.sum() == 599 and not found[:, 5, 5].any()


@pytest.mark.parametrize("nodata", [None, float("nan"), -1e30])
def test_what_is_not_finite_is_invalid(tmp_path: Path, nodata: float | None) -> None:
    pixels = RGB.astype(np.float32)
    pixels[0, 1, 1], pixels[1, 2, 2], pixels[2, 3, 3] = np.nan, np.inf, -np.inf
    pixels[:, 4, 4] = np.nan if nodata is None else nodata
    with open_raster(tif(tmp_path / "a.tif", pixels, nodata=nodata)) as reader:
        found, valid = reader.read(WHOLE)
    assert np.argwhere(~valid).tolist() == [[1, 1], [2, 2], [3, 3], [4, 4]]
    assert np.isfinite(found).all() and not found[:, ~valid].any()


def test_internal_masks_and_alpha_are_validity(tmp_path: Path) -> None:
    mask = np.full((20, 30), 255, np.uint8)
    mask[:4] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = tif(tmp_path / "a.tif", RGB)
        with rasterio.open(path, "r+") as file:
            file.write_mask(mask)
    alpha = tif(tmp_path / "b.tif", np.concatenate((RGB, mask[None])), ["red", "green", "blue", "alpha"])
    Image.fromarray(np.concatenate((RGB, mask[None])).transpose(1, 2, 0)).save(tmp_path / "c.png")
    for name in (path, alpha, tmp_path / "c.png"):
        with open_raster(name) as reader:
            pixels, valid = reader.read(WHOLE)
            assert reader.bands == ("red", "green", "blue") and reader.masked
            assert np.array_equal(valid, mask > 0) and np.array_equal(pixels, np.where(valid, RGB, 0))


@pytest.mark.parametrize(
    "kinds", ["alpha nodata", "alpha mask", "nodata mask", "alpha nodata mask", "alpha nodata msk"]
)
@pytest.mark.parametrize("resolution", [None, 0.25])
def test_validity_is_where_all_that_is_declared_agrees(tmp_path: Path, kinds: str, resolution: float | None) -> None:
    pixels, expected = RGB.copy(), np.ones((20, 30), bool)
    options: dict[str, Any] = {}
    if "nodata" in kinds:
        options["nodata"], pixels[:, :5], expected[:5] = 7, 7, False
    if "alpha" in kinds:
        alpha = np.full((20, 30), 255, np.uint8)
        alpha[:, :6] = 0
        options |= {"photometric": "RGB", "alpha": "YES"}
        pixels, expected[:, :6] = np.concatenate((pixels, alpha[None])), False
    mask = np.full((20, 30), 255, np.uint8)
    mask[:, 25:] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="mask" in kinds):
        path = tif(tmp_path / "a.tif", pixels, **options)
        if "m" in kinds.split()[-1][0]:
            expected[:, 25:] = False
            with rasterio.open(path, "r+") as file:
                file.write_mask(mask)
    with open_raster(path, resolution=resolution) as reader:
        by = reader.grid.height // 20
        found, valid = reader.read(Window(0, 0, 20 * by, 30 * by))
    assert reader.masked and not found[:, ~valid].any()
    off = np.argwhere(valid != expected.repeat(by, 0).repeat(by, 1))
    assert len(off) == 0 or (by == 2 and valid[*off[0]])  # between two pixels, one of which is known, something is


def test_each_band_may_have_a_mask_of_its_own(tmp_path: Path) -> None:
    tif(tmp_path / "a.tif", RGB)
    mask = np.zeros((2, 20, 30), np.uint8)
    mask[0, 1:], mask[1, :, 1:] = 255, 255
    tif(tmp_path / "m.tif", mask, photometric="MINISBLACK")
    size = 'rasterXSize="30" rasterYSize="20"'
    file = "<SourceFilename relativeToVRT='1'>{}.tif</SourceFilename>"
    source = f"<SimpleSource>{file}<SourceBand>{{}}</SourceBand></SimpleSource>"
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{i}">{source.format("a", i)}<MaskBand><VRTRasterBand dataType="Byte">'
        f"{source.format('m', i)}</VRTRasterBand></MaskBand></VRTRasterBand>"
        for i in (1, 2)
    )
    (tmp_path / "a.vrt").write_text(f"<VRTDataset {size}>{bands}</VRTDataset>")
    with open_raster(tmp_path / "a.vrt") as reader:
        valid = reader.read(WHOLE)[1]
    assert reader.masked and np.array_equal(valid, mask.all(axis=0))


def test_bands_of_several_types_are_read_as_their_common_one(tmp_path: Path) -> None:
    tif(tmp_path / "a.tif", RGB)
    height = tif(tmp_path / "h.tif", RGB[:1].astype(np.float32) / 8)
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{i}"><SimpleSource><SourceFilename relativeToVRT="1">{name}.tif'
        f"</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
        for i, kind, name in ((1, "Byte", "a"), (2, "Float32", height.stem))
    )
    (tmp_path / "a.vrt").write_text(f'<VRTDataset rasterXSize="30" rasterYSize="20">{bands}</VRTDataset>')
    with open_raster(tmp_path / "a.vrt") as reader:
        assert reader.dtype == np.float32
        assert np.array_equal(reader.read(WHOLE)[0], np.stack((RGB[0], RGB[0] / np.float32(8))))


@pytest.mark.parametrize("factor", [0.6, 1.7, 3.0, 7.5])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_resampled_pixels_are_means_of_the_valid_ones(tmp_path: Path, factor: float, dtype: str) -> None:
    pixels = np.random.default_rng(1).integers(1, 100, (2, 60, 90)).astype(dtype)
    pixels[:, 20:35, 40:60] = 0
    path = tif(tmp_path / "a.tif", pixels, nodata=0, photometric="MINISBLACK")
    with open_raster(path, resolution=0.5 * factor) as reader:
        height, width = reader.grid.height, reader.grid.width
        whole, valid = reader.read(Window(0, 0, height, width))
        assert (height, width) == (round(60 / factor), round(90 / factor)) and not valid.all()
        part, known = reader.read(Window(3, 2, 5, 8))
    assert whole.dtype == dtype and not whole[:, ~valid].any()
    near = {"rtol": 1e-5, "atol": 0.0 if dtype == "float32" else 1.0}
    assert np.array_equal(known, valid[3:8, 2:10]) and np.allclose(part, whole[:, 3:8, 2:10], **near)
    if factor == 3:
        blocks = pixels.astype(float).reshape(2, 20, 3, 30, 3)
        mean = blocks.sum((2, 4)) / np.maximum((blocks > 0).sum((2, 4)), 1)
        assert np.array_equal(valid, (blocks > 0).any((0, 2, 4))) and np.allclose(whole, mean, **near)


def test_resampling_weighs_by_area_and_keeps_slopes(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).random((1, 20, 30)).astype(np.float32)
    with open_raster(tif(tmp_path / "a.tif", pixels), resolution=1.25) as reader:  # 2.5 pixels become one
        found, valid = reader.read(Window(0, 0, 8, 12))
    halves = pixels[0].repeat(2, 0).repeat(2, 1).reshape(8, 5, 12, 5)
    assert valid.all() and np.allclose(found[0], halves.mean((1, 3)), rtol=1e-5)
    rows, cols = np.mgrid[:20, :30].astype(np.float32)
    with open_raster(tif(tmp_path / "b.tif", (rows + 3 * cols)[None]), resolution=0.2) as reader:
        found, valid = reader.read(Window(0, 0, 50, 75))
    rows, cols = (np.mgrid[:50, :75] + 0.5) * 0.4 - 0.5
    inner = np.s_[2:-2, 2:-2]  # at the border the outermost pixels are kept
    assert valid.all() and np.allclose(found[0][inner], (rows + 3 * cols)[inner], rtol=1e-5, atol=1e-4)


def test_a_coarse_resolution_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tif(tmp_path / "a.tif", RGB)
    with open_raster(path, resolution=1.5) as reader:
        whole = reader.read(Window(0, 0, 7, 10))
        monkeypatch.setattr("smalti.raster.resample._MOST", 40)
        for part, all_ in zip(reader.read(Window(0, 0, 7, 10)), whole, strict=True):
            assert np.array_equal(part, all_)


def test_palette_images_are_expanded(tmp_path: Path) -> None:
    index = np.arange(600, dtype=np.uint8).reshape(20, 30) % 4
    image = Image.fromarray(index).convert("P")
    image.putpalette([1, 2, 3, 40, 50, 60, 7, 8, 9, 100, 110, 120])
    image.save(tmp_path / "a.png", transparency=2)
    with open_raster(tmp_path / "a.png") as reader:
        pixels, valid = reader.read(WHOLE)
        assert reader.bands == ("red", "green", "blue") and reader.names_known and reader.dtype == np.uint8
        assert np.array_equal(valid, index != 2) and pixels[:, 0, 1].tolist() == [40, 50, 60]
        assert not pixels[:, 0, 2].any()
    with open_raster(tmp_path / "a.png", ["blue"]) as reader:
        assert reader.read(WHOLE)[0][0, 0, 3] == 120
    with open_raster(tmp_path / "a.png", expand=False) as reader:
        found, valid = reader.read(WHOLE)
        assert np.array_equal(found[0], np.where(index == 2, 0, index)) and np.array_equal(valid, index != 2)


@pytest.mark.parametrize("ending", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_photos_are_turned_upright(tmp_path: Path, turn: int, ending: str) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[274] = turn
    options = {"webp": {"lossless": True}, "jpg": {"quality": 95, "subsampling": 0}}.get(ending, {})
    Image.fromarray(RGB.transpose(1, 2, 0)).save(tmp_path / f"a.{ending}", exif=exif, **options)
    with Image.open(tmp_path / f"a.{ending}") as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).transpose(2, 0, 1)
    with open_raster(tmp_path / f"a.{ending}") as reader:
        height, width = reader.grid.height, reader.grid.width
        assert (height, width) == expected.shape[1:]
        near = 2 if ending == "jpg" else 0  # no two versions of libjpeg round alike
        assert np.allclose(reader.read(Window(0, 0, height, width))[0], expected, rtol=0, atol=near)
        assert np.allclose(reader.read(Window(3, 5, 8, 4))[0], expected[:, 3:11, 5:9], rtol=0, atol=near)


def test_windows_beyond_the_border_are_mirrored(tmp_path: Path) -> None:
    pixels = RGB.copy()
    pixels[:, 0, 3] = 0
    with open_raster(tif(tmp_path / "a.tif", pixels, nodata=0)) as reader:
        found, valid = reader.read(Window(-25, -40, 80, 110))
    around = ((25, 35), (40, 40))
    assert np.array_equal(found, np.pad(pixels, ((0, 0), *around), mode="reflect"))
    assert np.array_equal(valid, np.pad(pixels.any(axis=0), around, mode="reflect"))


def test_a_single_pixel_fills_a_tile(tmp_path: Path) -> None:
    with open_raster(tif(tmp_path / "a.tif", RGB[:, :1, :1])) as reader:
        assert (reader.read(Window(-5, -5, 16, 16))[0] == RGB[:, :1, :1]).all()


def test_resolution_resamples_in_metres(tmp_path: Path) -> None:
    flat = np.full((3, 40, 60), 90, np.uint8)
    flat[:, :, 30:] = 0
    for nodata in (None, 0):
        with open_raster(tif(tmp_path / "a.tif", flat, nodata=nodata), resolution=1.0) as reader:
            assert (reader.grid.height, reader.grid.width) == (20, 30)
            assert pixel_size_m(reader.grid) == pytest.approx(1, rel=1e-3)
            assert reader.bands == ("red", "green", "blue")
            pixels, valid = reader.read(WHOLE)
            assert (pixels[:, :, :15] == 90).all() and not pixels[:, :, 15:].any()
            assert valid[:, :15].all() and valid[:, 15:].all() == (nodata is None)
    degrees = {"crs": CRS.from_epsg(4326), "transform": Affine(1e-5, 0, 15, 0, -1e-5, 60)}
    with open_raster(tif(tmp_path / "b.tif", flat, **degrees), resolution=0.5) as reader:
        assert pixel_size_m(reader.grid) == pytest.approx(0.5, rel=0.02)
        assert reader.grid.crs == degrees["crs"] and reader.grid.xy(0, 0) == (15, 60)
    Image.fromarray(flat.transpose(1, 2, 0)).save(tmp_path / "c.png")
    with pytest.raises(RasterError, match="it has no CRS, so it cannot be resampled to 1 m"):
        open_raster(tmp_path / "c.png", resolution=1)


def test_a_resolution_of_the_file_keeps_its_pixels(tmp_path: Path) -> None:
    wide = np.arange(4000, dtype=np.uint8).reshape(1, 2, 2000).repeat(3, 0)  # 0.5002 m in the middle of the zone
    with open_raster(tif(tmp_path / "a.tif", wide), resolution=0.5) as reader:
        assert np.array_equal(reader.read(Window(0, 0, 2, 2000))[0], wide)
    with open_raster(tmp_path / "a.tif", resolution=1.0) as reader:
        assert (reader.grid.height, reader.grid.width) == (1, 1000)


def test_resolution_is_that_of_the_ground(tmp_path: Path) -> None:
    at_60_north = {"crs": CRS.from_epsg(4087), "transform": Affine(0.5, 0, 1000000, 0, -0.5, 6679169)}
    with open_raster(tif(tmp_path / "a.tif", RGB, **at_60_north), resolution=0.5) as reader:
        assert (reader.grid.height, reader.grid.width) == (20, 15)


def test_a_mask_survives_resampling(tmp_path: Path) -> None:
    four = np.concatenate((RGB, np.full((1, 20, 30), 255, np.uint8)))
    four[3, :, :10] = 0
    path = tif(tmp_path / "a.tif", four, ["red", "green", "blue", "alpha"])
    with open_raster(path, resolution=1.0) as reader:
        assert reader.bands == ("red", "green", "blue")
        valid = reader.read(Window(0, 0, 10, 15))[1]
    assert not valid[:, :5].any() and valid[:, 5:].all()


def points(bend: float) -> list[GroundControlPoint]:
    corners = [(0, 0), (0, 30), (20, 0), (20, 30), (10, 15)]
    return [GroundControlPoint(r, c, 500000 + c * 2 + bend * (r == 10), 5000000 - r * 2) for r, c in corners]


@pytest.mark.parametrize("resolution", [None, 4.0])
def test_control_points_give_the_place(tmp_path: Path, resolution: float | None) -> None:
    for bend in (0.0, 8.0):
        path = tif(tmp_path / f"{bend}.tif", RGB, crs=CRS.from_epsg(32633), transform=None, gcps=points(bend))
        with open_raster(path, resolution=resolution) as reader:
            assert reader.grid.crs == CRS.from_epsg(32633)
            assert pixel_size_m(reader.grid) == pytest.approx(resolution or 2, rel=0.1)
            x, y = reader.grid.xy(0, 0)
            assert abs(x - 500000) < 10 and abs(y - 5000000) < 10
            pixels, valid = reader.read(Window(0, 0, reader.grid.height, reader.grid.width))
            assert valid.mean() > 0.8
            if bend == 0 and resolution is None:
                assert np.array_equal(pixels, RGB)


@pytest.mark.parametrize("broken", ["one line", "nowhere", "transform", "overflow"])
def test_a_place_that_is_none_is_refused_in_one_line(tmp_path: Path, broken: str) -> None:
    options: dict[str, Any] = {"transform": Affine(np.nan, 0, 5e5, 0, -1, 5e6)}
    if broken == "overflow":
        options = {"transform": Affine(1e300, 0, 5e5, 0, -1e300, 5e6)}
    if broken in ("one line", "nowhere"):
        y = np.nan if broken == "nowhere" else 5e6
        options = {"transform": None, "gcps": [GroundControlPoint(r, r, 5e5 + r, y - r) for r in (0, 10, 15, 20)]}
    path = tif(tmp_path / "a.tif", RGB, crs=CRS.from_epsg(32633), **{**options})
    with pytest.raises(RasterError, match=r"a\.tif: its (control points|transform .*) gives? it no place") as caught:
        open_raster(path)
    assert "\n" not in str(caught.value)
    if "transform" in str(caught.value):
        assert str(caught.value).count(", ") == 5  # the six numbers that say something


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    (folder / "empty.tif").touch()
    (folder / "text.tif").write_text("no image at all")
    (folder / "folder.tif").mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (3, 256, 256), np.uint8)
    whole = {
        "half.tif": tif(folder / "w.tif", noise, tiled=True, blockxsize=64, blockysize=64),
        "planes.tif": tif(folder / "p.tif", noise, interleave="band", compress="deflate"),
    }
    for name in ("half.png", "half.webp"):
        Image.fromarray(noise.transpose(1, 2, 0)).save(folder / f"w{Path(name).suffix}")
        whole[name] = folder / f"w{Path(name).suffix}"
    for name, path in whole.items():
        data = path.read_bytes()
        (folder / name).write_bytes(data[: len(data) * (95 if name == "planes.tif" else 50) // 100])
    return {
        "missing": (folder / "missing.tif", "there is no such file"),
        "empty": (folder / "empty.tif", "the file is empty"),
        "text": (folder / "text.tif", "no image, or truncated or damaged"),
        "folder": (folder / "folder.tif", "is a folder"),
        "half tif": (folder / "half.tif", "truncated"),
        "planes": (folder / "planes.tif", "truncated"),
        "half png": (folder / "half.png", "truncated"),
        "half webp": (folder / "half.webp", "truncated"),
    }


def test_bad_files_are_refused_in_one_line(tmp_path: Path) -> None:
    for path, reason in bad_files(tmp_path).values():
        with pytest.raises(RasterError) as caught, open_raster(path) as reader:
            reader.read(Window(0, 0, 256, 256))
        text = str(caught.value)
        assert text.startswith(f"{path}: ") and reason in text and "\n" not in text


@pytest.mark.parametrize(
    ("seen", "reason"), [(False, "permission denied for its folder"), (True, "permission denied; it cannot")]
)
def test_what_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: bool, reason: str
) -> None:
    (tmp_path / "closed").mkdir()
    path = tif(tmp_path / "closed" / "a.tif", RGB)
    # Rights do not bind the superuser, so what the system says is put into its mouth.
    monkeypatch.setattr("smalti.raster.read.rasterio.open", _refusing(RasterioIOError(f"{path}: Permission denied")))
    if seen:
        monkeypatch.setattr("smalti.raster.check.os.access", lambda path, mode: False)
    else:
        monkeypatch.setattr(Path, "stat", _refusing(PermissionError(13, "Permission denied")))
    with pytest.raises(RasterError, match=rf"a\.tif: {reason}"):
        open_raster(path)


def _refusing(error: Exception) -> Any:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    return refuse


def test_too_many_open_files_are_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tif(tmp_path / "a.tif", RGB)
    full = _refusing(RasterioIOError(f"{path}: Too many open files"))
    with open_raster(path) as reader:
        monkeypatch.setattr(reader, "_pixels", full)
        with pytest.raises(
            RasterError, match=r"rows 0 to 19 cannot be read, too many other files are open; .*ulimit -n 4096"
        ):
            reader.read(WHOLE)
        monkeypatch.setattr(reader, "_pixels", _refusing(MemoryError()))
        with pytest.raises(RasterError, match="rows 0 to 19 cannot be read, not enough memory"):
            reader.read(WHOLE)
    monkeypatch.setattr("smalti.raster.read.rasterio.open", full)
    with pytest.raises(RasterError, match=r"a\.tif: too many other files are open; allow more"):
        open_raster(path)


def test_a_truncated_jpeg_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "w.jpg")
    data = (tmp_path / "w.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with open_raster(tmp_path / "a.jpg") as reader:
        assert reader.read(Window(0, 0, 20, 20))[1].all()
        with pytest.raises(RasterError, match=r"a\.jpg: rows 280 to 299 cannot be read, truncated or damaged"):
            reader.read(Window(280, 0, 20, 20))


def test_damaged_blocks_are_noticed_when_they_are_read(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", RGB, compress="deflate")
    data = bytearray(path.read_bytes())
    with rasterio.open(path) as file:
        start = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    data[start + 20 : start + 60] = bytes(40)
    path.write_bytes(bytes(data))
    with open_raster(path) as reader, pytest.raises(RasterError, match="cannot be read, truncated or damaged"):
        reader.read(WHOLE)


@pytest.mark.parametrize("dtype", ["complex_int16", "complex64", "complex128"])
def test_complex_pixels_are_refused(tmp_path: Path, dtype: str) -> None:
    path = tif(tmp_path / "a.tif", RGB.astype(np.complex64), dtype=dtype, photometric="MINISBLACK")
    with pytest.raises(RasterError, match=r"a\.tif: its pixels are complex numbers; expected real ones"):
        open_raster(path)
    with pytest.raises(RasterError, match=r"a\.tif: its pixels are complex numbers; expected real ones"):
        open_mosaic([path, path])


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    reader = open_raster(tif(tmp_path / "a.tif", RGB))
    reader.close()
    reader.close()
    with pytest.raises(RasterError):
        reader.read(WHOLE)


def virtual(path: Path, *bands: str, width: int = 30) -> Path:
    """A virtual raster: of each band its data type, and what else stands in it."""
    kinds, parts = zip(*(band.partition(" ")[::2] for band in bands), strict=True)
    text = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{i}">{part}</VRTRasterBand>'
        for i, (kind, part) in enumerate(zip(kinds, parts, strict=True), 1)
    )
    path.write_text(f'<VRTDataset rasterXSize="{width}" rasterYSize="20">{text}</VRTDataset>')
    return path


SOURCE = (
    "<SimpleSource><SourceFilename relativeToVRT='1'>a.tif</SourceFilename><SourceBand>{}</SourceBand></SimpleSource>"
)


def test_a_place_comes_before_what_a_camera_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(RGB.transpose(1, 2, 0)).save(tmp_path / "a.png", exif=exif)
    (tmp_path / "a.wld").write_text("0.5\n0\n0\n-0.5\n500000\n5000000\n")
    with open_raster(tmp_path / "a.png") as reader:
        assert reader.grid.crs is None and np.array_equal(reader.read(WHOLE)[0], RGB)


def test_rational_functions_are_told_where_there_is_no_other_place(tmp_path: Path) -> None:
    ones = [1.0] * 20
    rpcs = RPC(1, 1, 1, 1, ones, ones, 1, 1, 1, 1, ones, ones, 1, 1)
    for name, options, told in (
        ("a", {"rpcs": rpcs, "crs": None, "transform": None}, True),
        ("b", {"rpcs": rpcs}, False),
    ):
        with open_raster(tif(tmp_path / f"{name}.tif", RGB, **options)) as reader:
            assert reader.rpcs is told
    with open_raster(virtual(tmp_path / "c.vrt", "Byte")) as reader:
        assert not reader.rpcs


def test_one_complex_band_of_several_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RasterError, match="complex"):
        open_raster(virtual(tmp_path / "a.vrt", "Byte", "CFloat32"))


def test_units_are_told(tmp_path: Path) -> None:
    path = virtual(tmp_path / "a.vrt", "Float32 <UnitType>ft</UnitType>", "Float32")
    with open_raster(path) as reader:
        assert reader.units == ("ft", "")


def test_nodata_of_one_band_counts_in_that_band(tmp_path: Path) -> None:
    tif(tmp_path / "a.tif", RGB.astype(np.uint16))
    bands = [f"UInt16 <NoDataValue>{RGB[0, 2, 3]}</NoDataValue>{SOURCE.format(1)}", f"UInt16 {SOURCE.format(2)}"]
    with open_raster(virtual(tmp_path / "a.vrt", *bands)) as reader:
        assert reader.masked and reader.nodata == (RGB[0, 2, 3], None)
        assert np.array_equal(reader.read(WHOLE)[1], RGB[0] != RGB[0, 2, 3])


def test_nodata_may_be_a_value_as_any_other(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", RGB.astype(np.uint16), nodata=int(RGB[0, 2, 3]))
    with open_file(path) as reader:
        assert reader.masked and not reader.read(WHOLE)[1].all()
    with open_file(path, holes=False) as reader:
        assert not reader.masked and reader.read(WHOLE)[1].all() and reader.read(WHOLE)[0][0, 2, 3] == RGB[0, 2, 3]


def test_what_shines_through_a_little_is_valid(tmp_path: Path) -> None:
    alpha = np.full((1, 20, 30), 255, np.uint8)
    alpha[0, 0, :2] = 0, 1
    path = tif(tmp_path / "b.tif", np.concatenate((RGB, alpha)), ["red", "green", "blue", "alpha"])
    tif(tmp_path / "a.tif", alpha)
    mask = f'<VRTRasterBand dataType="Byte">{SOURCE.format(1)}</VRTRasterBand>'
    masked = virtual(tmp_path / "c.vrt", f"Byte {SOURCE.format(1)}<MaskBand>{mask}</MaskBand>")
    for name in (path, masked):
        with open_raster(name) as reader:
            assert np.array_equal(reader.read(WHOLE)[1], alpha[0] > 0)


def palette(path: Path, index: NDArray[Any], colors: dict[int, tuple[int, ...]]) -> Path:
    tif(path, index[None])
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, colors)
    return path


def table(*colors: tuple[int, ...]) -> str:
    """A palette of a virtual raster's band, over the first band of `a.tif`."""
    entries = "".join('<Entry c1="{}" c2="{}" c3="{}" c4="{}"/>'.format(*color) for color in colors)
    return f"Byte <ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable>{SOURCE.format(1)}"


INDEX = np.arange(600, dtype=np.uint8).reshape(20, 30) % 6


def test_colours_that_are_clear_or_missing_are_invalid(tmp_path: Path) -> None:
    colors = [(k, 2 * k, 3 * k, alpha) for k, alpha in enumerate((0, 1, 128, 255))]
    opaque = palette(tmp_path / "a.tif", INDEX, dict(enumerate(colors)))  # here palettes are whole and opaque
    with open_file(opaque) as reader:
        assert not reader.masked and reader.read(WHOLE)[1].all()
    with open_file(virtual(tmp_path / "a.vrt", table(*colors))) as reader:
        pixels, valid = reader.read(WHOLE)
    assert reader.masked and np.array_equal(valid, (INDEX > 0) & (INDEX < 4))
    assert np.array_equal(pixels, np.where(valid, np.stack([INDEX, INDEX * 2, INDEX * 3]), 0))
    with open_file(virtual(tmp_path / "b.vrt", table((1, 1, 1, 0), (2, 2, 2, 255)))) as reader:
        assert reader.masked


def test_palettes_may_be_deep(tmp_path: Path) -> None:
    deep = INDEX.astype(np.uint16) * 300
    with open_file(palette(tmp_path / "a.tif", deep, {1500: (7, 8, 9)})) as reader:
        assert reader.read(WHOLE)[0][:, 0, 5].tolist() == [7, 8, 9]


def test_a_palette_beside_alpha_is_one_and_beside_bands_is_none(tmp_path: Path) -> None:
    tif(tmp_path / "a.tif", INDEX[None])
    first = table(*((k, 2 * k, 3 * k, 255) for k in range(6)))
    alpha = f"Byte <ColorInterp>Alpha</ColorInterp>{SOURCE.format(1)}"
    with open_raster(virtual(tmp_path / "two.vrt", first, alpha)) as reader:
        pixels, valid = reader.read(WHOLE)
        assert reader.bands == ("red", "green", "blue") and np.array_equal(valid, INDEX > 0)
        assert np.array_equal(pixels, np.stack([INDEX, 2 * INDEX, 3 * INDEX]))
    with open_raster(virtual(tmp_path / "three.vrt", first, *[f"Byte {SOURCE.format(1)}"] * 2)) as reader:
        assert reader.palette is None and np.array_equal(reader.read(WHOLE)[0], np.stack([INDEX] * 3))


def test_a_file_whose_pixels_lie_in_parts_names_them(tmp_path: Path) -> None:
    for name in ("one", "two"):
        options = {"APPEND_SUBDATASET": "YES"} if name == "two" else {}
        tif(tmp_path / "a.gpkg", RGB, driver="GPKG", RASTER_TABLE=name, **options)
    with pytest.raises(RasterError, match=r"give one of its subdatasets: \S*GPKG:\S*:one, \S*GPKG:\S*:two$"):
        open_raster(tmp_path / "a.gpkg")


def test_a_reader_without_the_wanted_resolution_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, closed = tif(tmp_path / "a.tif", RGB, crs=None), []
    monkeypatch.setattr(FileReader, "close", lambda self: closed.append(self.path))
    with pytest.raises(RasterError, match="no CRS"):
        open_raster(path, resolution=1)
    assert closed == [str(path)]


def test_gdals_cache_is_bound_by_the_widest_raster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    monkeypatch.delenv("GDAL_CACHEMAX", raising=False)
    monkeypatch.setattr("smalti.raster.read._bound", 0)
    monkeypatch.setattr("smalti.raster.read.set_gdal_config", lambda key, size: asked.append((key, size / 2**20)))
    widths = (30, 30, 103 * 1024 - 1, 400_000, 30)  # a row of the third, a thousand times, is 103 MB less a KB
    for k, width in enumerate(widths):
        open_raster(virtual(tmp_path / f"{k}.vrt", "Byte", width=width)).close()
    assert asked == [("GDAL_CACHEMAX", size) for size in (64, 102, 256)]
    monkeypatch.setenv("GDAL_CACHEMAX", "10")
    monkeypatch.setattr("smalti.raster.read._bound", 0)
    open_raster(tmp_path / "0.vrt").close()
    assert len(asked) == 3


def test_real_rasters_of_many_kinds(shared_data: Path) -> None:
    paths = sorted((shared_data / "geotiff").rglob("*.tif"))
    assert paths
    for path in paths:
        with rasterio.open(path) as file:
            alpha = any(color.name == "alpha" for color in file.colorinterp)
            palette = file.colorinterp[0].name == "palette"
            mask = file.dataset_mask(window=((0, 100), (0, 100))) > 0
            count = 3 if palette else file.count - alpha
            crs, transform, size = file.crs, file.transform, file.shape
        with open_raster(path) as reader:
            assert len(reader.bands) == count and reader.grid.crs == crs and reader.grid.transform == transform
            assert (reader.grid.height, reader.grid.width) == size
            pixels, valid = reader.read(Window(0, 0, 100, 100))
            assert pixels.shape == (count, 100, 100) and pixels.dtype == reader.dtype
            if not np.issubdtype(pixels.dtype, np.floating):
                assert np.array_equal(valid, mask), path


def test_of_many_bands_an_error_names_a_few() -> None:
    names = [f"band{i}" for i in range(1, 16386)]
    with pytest.raises(RasterError) as caught:
        choose("cube.tif", names, ["red"])
    assert str(caught.value).endswith("7 band7, 8 band8 and 16,377 more")


@pytest.mark.filterwarnings("error")
def test_a_portable_pixmap_has_no_place(tmp_path: Path) -> None:
    Image.fromarray(RGB.transpose(1, 2, 0)).save(tmp_path / "a.ppm")
    for _ in range(3):  # GDAL gives what lay in memory
        with open_raster(tmp_path / "a.ppm") as reader:
            assert reader.grid == Grid(20, 30)
            assert np.array_equal(reader.read(WHOLE)[0], RGB)


@pytest.mark.filterwarnings("error")
def test_nodata_beyond_the_pixel_type_is_none(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", RGB[:1].astype(np.float32))
    text = f"""<VRTDataset rasterXSize="30" rasterYSize="20"><GeoTransform>5e5, 1, 0, 5e6, 0, -1</GeoTransform>
        <VRTRasterBand dataType="Float32" band="1"><NoDataValue>1e40</NoDataValue><SimpleSource>
        <SourceFilename>{path}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
    (tmp_path / "a.vrt").write_text(text)
    with quiet_open(str(tmp_path / "a.vrt")), open_raster(tmp_path / "a.vrt") as reader:
        assert reader.read(WHOLE)[1].all()


def test_pixels_far_finer_than_the_raster_are_refused(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", RGB)
    with open_raster(path, resolution=0.5 / 16) as reader:
        assert reader.grid.width == 30 * 16
    told = r"from 0\.5 to 0\.01 m it would have 1,50\d x 1,00\d pixels, more than 16 times finer than what it shows"
    with pytest.raises(RasterError, match=told + r"; choose a model .*, or at least 0\.03\d+ metres per pixel$"):
        open_raster(path, resolution=0.01)
    for metres in (1e-9, 1e-300, 5e-324):
        with pytest.raises(RasterError, match="more than 16 times finer") as caught:
            open_raster(path, resolution=metres)
        assert len(str(caught.value)) < 300 + len(str(path))


def test_pixels_far_coarser_than_the_raster_are_refused(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", RGB)
    with open_raster(path, resolution=0.5 * 1024) as reader:
        assert (reader.grid.height, reader.grid.width) == (1, 1)
    for metres in (600, 1e300, 1.7e308):
        with pytest.raises(
            RasterError, match=r"from 0\.5 to .* more than 1024 times coarser; choose at most 512 metres"
        ):
            open_raster(path, resolution=metres)


@pytest.mark.parametrize(("name", "inside"), [("a.zip", "/vsizip"), ("a.tar", "/vsitar"), ("a.tgz", "/vsitar")])
def test_an_archive_is_told_from_damage(tmp_path: Path, name: str, inside: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    told = f"{name}: is an archive; give the image in it: {inside}/{tmp_path / name}/NAME.tif"
    with pytest.raises(RasterError, match=re.escape(told)):
        open_raster(tmp_path / name)
