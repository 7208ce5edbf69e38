from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from smalti.errors import OptionError, RasterError
from smalti.raster.array import ArrayReader
from smalti.raster.mosaic import open_mosaic
from smalti.raster.read import open_raster
from smalti.raster.resample import Resampled
from smalti.raster.stretch import Limit, Stretch, Stretched, parse_stretch
from smalti.tiling import Window


@pytest.mark.parametrize(
    ("text", "stretch", "written"),
    [
        ("2%,98%", Stretch(Limit(2, True), Limit(98, True)), "2%,98%"),
        (" 0 , 3000 ", Stretch(Limit(0), Limit(3000)), "0,3000"),
        ("-1.5,.25e1", Stretch(Limit(-1.5), Limit(2.5)), "-1.5,2.5"),
        ("0,99.5%", Stretch(Limit(0), Limit(99.5, True)), "0,99.5%"),
    ],
)
def test_a_range_is_two_values_or_percentiles(text: str, stretch: Stretch, written: str) -> None:
    assert parse_stretch(text) == stretch and str(stretch) == written


@pytest.mark.parametrize("text", ["", "2", "2%", "1,2,3", "a,b", "nan,1", "5,5", "9,3", "98%,2%", "-1%,5%", "1%,101%"])
def test_what_is_no_range_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(
        OptionError, match=r"^stretch is '.*'.*; expected LOW,HIGH as values or percentiles, such as"
    ) as e:
        parse_stretch(text)
    assert "\n" not in str(e.value)


def stretched(pixels: np.ndarray, text: str, valid: np.ndarray | None = None) -> Stretched:
    reader = ArrayReader(pixels, valid=valid, path="a.tif")
    return Stretched(reader, parse_stretch(text), lambda: reader)


def whole(reader: Stretched) -> tuple[np.ndarray, np.ndarray]:
    return reader.read(Window(0, 0, reader.grid.height, reader.grid.width))


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["uint8", "int8", "uint16", "int16"]),
    st.floats(0, 49),
    st.floats(51, 100),
    st.integers(0, 2**32 - 1),
)
def test_percentiles_are_those_of_each_bands_valid_pixels(kind: str, low: float, high: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    info = np.iinfo(kind)
    pixels = draw.integers(info.min, info.max, (2, 30, 20), endpoint=True).astype(kind)
    valid = draw.random((30, 20)) < 0.7
    reader = stretched(pixels, f"{low:.6f}%,{high:.6f}%", valid)
    shares = [round(low, 6), round(high, 6)]
    expected = np.percentile(pixels[:, valid].astype(np.float64), shares, axis=1, method="inverted_cdf").T
    np.testing.assert_array_equal(reader.limits, expected)


def test_the_range_becomes_0_to_255_and_what_is_beyond_is_cut() -> None:
    pixels = np.array([[[0, 100, 600, 1100, 1101, 65535]]], np.uint16)
    valid = np.array([[True] * 5 + [False]])
    reader = stretched(pixels, "100,1100", valid)
    assert reader.dtype == np.uint8
    found, mask = whole(reader)
    np.testing.assert_array_equal(found, [[[0, 0, 128, 255, 255, 0]]])
    np.testing.assert_array_equal(mask, valid)
    assert reader.notes == {"SMALTI_STRETCH": "100,1100", "SMALTI_STRETCH_VALUES": "band1 100 1100"}


def test_values_may_be_of_any_type() -> None:
    pixels = np.array([[[0.0, 0.1, 0.3, np.nan, np.inf]]], np.float32)
    found, mask = whole(stretched(pixels, "0,0.2"))
    np.testing.assert_array_equal(found, [[[0, 128, 255, 0, 0]]])
    np.testing.assert_array_equal(mask, [[True, True, True, False, False]])
    with pytest.raises(
        RasterError, match=r"a\.tif: percentiles are measured of integers of 8 or 16 bits, .* float32; "
    ):
        stretched(pixels, "2%,98%")


def test_a_range_of_one_value_is_refused_with_its_band() -> None:
    pixels = np.stack([np.arange(100), np.full(100, 7)]).reshape(2, 10, 10).astype(np.uint16)
    with pytest.raises(
        RasterError, match=r"a\.tif: --stretch 2%,98% is 7 to 7 in band band2; give the range as values"
    ):
        whole(stretched(pixels, "2%,98%"))


def test_a_raster_without_a_valid_pixel_is_no_error() -> None:
    found, mask = whole(stretched(np.ones((1, 4, 4), np.uint16), "2%,98%", np.zeros((4, 4), bool)))
    assert not mask.any() and not found.any()


def write(path: Path, pixels: np.ndarray, left: float) -> Path:
    place = {"crs": "EPSG:32633", "transform": Affine(1, 0, left, 0, -1, 5e6)}
    shape = {"height": pixels.shape[1], "width": pixels.shape[2], "count": len(pixels), "dtype": "uint16", "nodata": 0}
    with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
        file.write(pixels)
    return path


def test_a_mosaic_has_one_range_and_resampling_does_not_change_it(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    dark = draw.integers(1, 500, (3, 40, 40)).astype(np.uint16)
    bright = draw.integers(1500, 2000, (3, 40, 40)).astype(np.uint16)
    dark[:, :10] = 0
    paths = [write(tmp_path / "a.tif", dark, 5e5), write(tmp_path / "b.tif", bright, 5e5 + 40)]
    opened = partial(open_mosaic, paths)
    both = np.concatenate([dark[:, 10:].reshape(3, -1), bright.reshape(3, -1)], axis=1).astype(float)
    expected = np.percentile(both, [5, 95], axis=1, method="inverted_cdf").T
    with Stretched(opened(), parse_stretch("5%,95%"), opened) as plain:
        np.testing.assert_array_equal(plain.limits, expected)
        left = plain.read(Window(20, 0, 10, 10))[0]
    with Stretched(Resampled(opened(), 4.0), parse_stretch("5%,95%"), opened) as coarse:
        np.testing.assert_array_equal(coarse.limits, expected)
    low, high = expected[:, 0, None, None], expected[:, 1, None, None]
    share = np.clip((dark[:, 20:30, :10] - low) / (high - low), 0, 1)
    np.testing.assert_array_equal(left, np.rint(share * 255))


def test_it_is_measured_once_and_only_when_a_pixel_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.arange(1, 101, dtype=np.uint16).reshape(1, 10, 10), 5e5)
    asked = []

    def measure() -> ArrayReader:
        asked.append(1)
        return ArrayReader(np.arange(101, dtype=np.uint16).reshape(1, 1, 101))

    with Stretched(open_raster(path), parse_stretch("0%,100%"), measure) as reader:
        assert asked == []
        for _ in range(2):
            whole(reader)
    assert asked == [1] and reader.limits.tolist() == [[0, 100]]
