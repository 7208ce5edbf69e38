"""Scenes whose pixels look like other bands than red, green, blue."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

import smalti as sm
from smalti.errors import BandOrderWarning, SmaltiWarning
from smalti.mapping.band_order import DECIDED, KINDS, OVERWHELMING, evidence, looks_like, mean_evidence
from smalti.raster.array import ArrayReader
from smalti.raster.band_statistics import STATISTICS, band_statistics
from tests.tiny import tiny_card, tiny_model


@pytest.fixture(scope="module")
def aerial() -> np.ndarray:
    """A real image: red, green, blue."""
    with Image.open(str(files("smalti") / "samples" / "santa_monica.jpg")) as file:
        return np.ascontiguousarray(np.moveaxis(np.asarray(file), 2, 0))


@pytest.fixture
def model(tmp_path: Path) -> sm.OpenModel:
    return sm.open_model(tiny_model(tmp_path / "tiny.onnx", tiny_card()))


def write(path: Path, pixels: np.ndarray, photometric: str, *names: str) -> Path:
    place = {"crs": "EPSG:32611", "transform": Affine(0.6, 0, 5e5, 0, -0.6, 3e6)}
    shape = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
    with rasterio.open(path, "w", driver="GTiff", dtype="uint8", photometric=photometric, **shape, **place) as file:
        file.write(pixels)
        if names:
            file.descriptions = names
    return path


def infrared(pixels: np.ndarray) -> np.ndarray:
    """The bands of a false-colour image: what is green reflects near infrared."""
    red, green, _ = pixels.astype(float)
    return np.stack([np.clip(1.2 * green + 3 * (green - red) + 40, 0, 255), red, green]).astype(np.uint8)


def test_there_is_a_number_for_each_statistic(aerial: np.ndarray) -> None:
    numbers = band_statistics(aerial[:, :192, :192], np.ones((192, 192), bool))
    assert numbers is not None and numbers.shape == (len(STATISTICS),) and np.isfinite(numbers).all()
    assert evidence(numbers[None]).shape == (1, len(KINDS) - 1)


def test_a_flat_window_has_statistics_and_a_black_one_has_none() -> None:
    flat = band_statistics(np.full((3, 20, 20), 100, np.uint8), np.ones((20, 20), bool))
    assert flat is not None and np.isfinite(flat).all()
    assert band_statistics(np.zeros((3, 20, 20), np.uint8), np.ones((20, 20), bool)) is None
    assert band_statistics(np.full((3, 20, 20), 255, np.uint8), np.ones((20, 20), bool)) is None
    assert band_statistics(np.full((3, 20, 20), 100, np.uint8), np.zeros((20, 20), bool)) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 2)])
def test_few_pixels_say_nothing_without_a_warning(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(60, 200, (3, *shape), np.uint8)
    assert looks_like(ArrayReader(pixels)) is None
    valid = np.indices((20, 20)).sum(axis=0) % 2 == 0  # no two side by side
    assert band_statistics(np.full((3, 20, 20), 100, np.uint8), valid) is None


def test_an_aerial_image_looks_like_what_it_is(aerial: np.ndarray) -> None:
    assert looks_like(ArrayReader(aerial)) is None
    assert looks_like(ArrayReader(np.ascontiguousarray(aerial[::-1])), OVERWHELMING) == ("blue", "green", "red")
    assert looks_like(ArrayReader(infrared(aerial)), OVERWHELMING) == ("near infrared",)


def test_it_is_unsure_about_noise_and_says_nothing_of_few_pixels(aerial: np.ndarray) -> None:
    assert looks_like(ArrayReader(aerial[::-1, :64, :64])) is None
    assert mean_evidence(ArrayReader(np.zeros((3, 300, 300), np.uint8))) is None
    assert mean_evidence(ArrayReader(np.random.default_rng(0).integers(0, 255, (3, 300, 300), np.uint8))) is None


def test_a_file_that_does_not_name_its_bands_is_warned_of(
    tmp_path: Path, aerial: np.ndarray, model: sm.OpenModel
) -> None:
    swapped = write(tmp_path / "bgr.tif", aerial[::-1], "minisblack")
    with pytest.warns(BandOrderWarning) as heard:
        sm.map(swapped, tmp_path / "map.tif", model=model)
    text = "its bands look like blue, green, red rather than red, green, blue; choose with --bands 3,2,1"
    assert [str(warning.message) for warning in heard] == [f"{swapped}: {text}"]
    sm.map(swapped, tmp_path / "right.tif", model=model, bands=[3, 2, 1])  # as it says


def test_a_name_in_the_file_needs_more_evidence(tmp_path: Path, aerial: np.ndarray, model: sm.OpenModel) -> None:
    assert DECIDED < OVERWHELMING
    with pytest.warns(BandOrderWarning, match="although the file names them so; choose with --bands 3,2,1"):
        sm.predict(write(tmp_path / "bgr.tif", aerial[::-1], "rgb"), model)


def test_the_numbers_are_those_of_the_file(tmp_path: Path, aerial: np.ndarray, model: sm.OpenModel) -> None:
    four = np.concatenate([aerial[:1], aerial[::-1]])
    scene = write(tmp_path / "four.tif", four, "minisblack")
    with pytest.warns(BandOrderWarning, match="choose with --bands 4,3,2"):
        sm.map(scene, tmp_path / "map.tif", model=model, bands=["2", "3", "4"])


def test_infrared_as_red_is_warned_of(tmp_path: Path, aerial: np.ndarray, model: sm.OpenModel) -> None:
    scene = write(tmp_path / "cir.tif", infrared(aerial), "minisblack")
    with pytest.warns(BandOrderWarning, match="first band looks like near infrared rather than red; choose those that"):
        sm.map(scene, tmp_path / "map.tif", model=model)


def test_an_array_is_warned_of(aerial: np.ndarray, model: sm.OpenModel) -> None:
    with pytest.warns(BandOrderWarning, match="look like blue, green, red"):
        sm.predict(np.ascontiguousarray(np.moveaxis(aerial[::-1], 0, 2)), model)


def test_other_bands_are_no_matter_of_colour(tmp_path: Path, aerial: np.ndarray) -> None:
    card = tiny_card(("nir", "red", "green"))
    model = sm.open_model(tiny_model(tmp_path / "tiny.onnx", card))
    sm.map(
        write(tmp_path / "a.tif", aerial[::-1], "minisblack"), tmp_path / "map.tif", model=model
    )  # without a warning
    assert (tmp_path / "map.tif").exists()


def test_a_stretch_by_percentiles_makes_bands_alike(tmp_path: Path, aerial: np.ndarray, model: sm.OpenModel) -> None:
    scene = write(tmp_path / "bgr.tif", aerial[::-1], "minisblack")
    sm.map(scene, tmp_path / "map.tif", model=model, stretch="2%,98%")  # without a warning
    assert (tmp_path / "map.tif").exists()
    assert issubclass(BandOrderWarning, SmaltiWarning)
