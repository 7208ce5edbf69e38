from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from pydantic import ValidationError
from rasterio.enums import ColorInterp

from smalti.card import Card
from smalti.errors import ModelError, OptionError, RasterError, SmaltiWarning
from smalti.mapping.fit import STRETCH, Resolution, check_stretch, open_fitting
from smalti.raster.grid import Grid
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.raster.scaled import Scaled
from smalti.raster.stretch import parse_stretch
from tests.tiny import tiny_card

RGBN = ("red", "green", "blue", "nir")


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    def write(
        bands: int = 3,
        dtype: str = "uint8",
        names: Sequence[str] = (),
        pixel: float = 0.3,
        crs: str | None = "EPSG:32633",
        high: int = 255,
    ) -> Path:
        path = tmp_path / "scene.tif"
        pixels = np.random.default_rng(0).integers(0, high, (bands, 40, 50)).astype(dtype)
        options = {"crs": crs, "transform": Affine(pixel, 0, 5e5, 0, -pixel, 5e6)} if crs else {}
        shape = {"height": 40, "width": 50, "count": bands, "dtype": dtype, "photometric": "minisblack"}
        with rasterio.open(path, "w", driver="GTiff", **shape, **options) as file:
            file.write(pixels)
            file.descriptions = names or (None,) * bands
        return path

    return write


def fit(
    path: Path, card: Card, bands: Sequence[str | int] | None = None, resolution: Resolution = "auto"
) -> tuple[Reader, list[str]]:
    heard: list[SmaltiWarning] = []
    reader = open_fitting(str(path), partial(open_raster, path), card, bands, resolution, heard.append)
    reader.close()
    return reader, [str(warning) for warning in heard]


def test_named_bands_are_picked_by_name(scene: Any) -> None:
    reader, heard = fit(scene(4, names=("nir", "red", "green", "blue")), tiny_card())
    assert (reader.bands, heard) == (("red", "green", "blue"), [])


def test_bands_without_names_are_taken_in_order(scene: Any) -> None:
    assert fit(scene(4), tiny_card(RGBN))[0].bands == ("band1", "band2", "band3", "band4")


def test_one_band_of_another_type_is_no_band_of_an_image(scene: Any) -> None:
    with pytest.raises(RasterError, match=r"takes 3 of uint16: red, green, blue; choose another model$"):
        fit(scene(1), tiny_card(dtype="uint16"))


def test_bands_can_be_chosen(scene: Any) -> None:
    assert fit(scene(5), tiny_card(), bands=["5", "1", "2"])[0].bands == ("band5", "band1", "band2")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("bands", "names", "message"),
    [
        (1, (), "it has 1 of uint8: band1; model tiny takes 3 of uint8: red, green, blue; choose another model"),
        (1, (), "of one file per band make one: gdalbuildvrt -separate OUT.vrt RED GREEN BLUE"),
        (5, (), "choose with --bands those that are red, green, blue, in this order: 1,2,3 if the first ones are"),
        (3, ("nir", "red", "green"), "it has 3 of uint8: nir, red, green"),
    ],
)
def test_bands_that_do_not_fit_are_refused(scene: Any, bands: int, names: Sequence[str], message: str) -> None:
    with pytest.raises(RasterError, match=message):
        fit(scene(bands, names=names), tiny_card())


def test_a_band_that_nobody_asked_for_may_be_of_another_type(scene: Any, tmp_path: Path) -> None:
    path, size = scene(3, names=("red", "green", "blue")), 'rasterXSize="50" rasterYSize="40"'
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{i}"><Description>{name}</Description><SimpleSource><SourceFilename>'
        f"{path}</SourceFilename><SourceBand>{i % 3 + 1}</SourceBand></SimpleSource></VRTRasterBand>"
        for i, (name, kind) in enumerate(
            [("height", "Float32"), ("red", "Byte"), ("green", "Byte"), ("blue", "Byte")], 1
        )
    )
    (tmp_path / "a.vrt").write_text(f"<VRTDataset {size}>{bands}</VRTDataset>")
    assert fit(tmp_path / "a.vrt", tiny_card())[0].bands == ("red", "green", "blue")
    with pytest.raises(ModelError, match="its pixels are float32, model tiny takes uint8"):
        fit(tmp_path / "a.vrt", tiny_card(), bands=["1", "2", "3"])


def test_a_scene_that_is_refused_is_not_warned_about(scene: Any) -> None:
    heard: list[SmaltiWarning] = []
    path = scene(3, dtype="uint16", pixel=50.0)
    with pytest.raises(ModelError, match="its pixels are uint16"):
        open_fitting(
            str(path), partial(open_raster, path), tiny_card(resolution=(0.3, 0.3)), None, "auto", heard.append
        )
    assert heard == []


def test_layers_that_are_only_counted_go_by_their_colours(scene: Any) -> None:
    path = scene(3, names=("Layer_1", "Layer_2", "Layer_3"))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red]
    assert fit(path, tiny_card())[0].bands == ("red", "green", "blue")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_scene_placed_by_polynomials_alone_is_mapped_in_its_own_pixels(scene: Any) -> None:
    path = scene(crs=None)
    terms = " ".join(["0", "1"] + ["0"] * 18)
    with rasterio.open(path, "r+") as file:
        file.update_tags(
            ns="RPC", LINE_OFF=20, SAMP_OFF=25, LAT_OFF=45, LONG_OFF=15, HEIGHT_OFF=100, LINE_SCALE=20, SAMP_SCALE=25,
            LAT_SCALE=1, LONG_SCALE=1, HEIGHT_SCALE=100, LINE_NUM_COEFF=terms, LINE_DEN_COEFF=terms,
            SAMP_NUM_COEFF=terms, SAMP_DEN_COEFF=terms,
        )  # fmt: skip
    reader, heard = fit(path, tiny_card())
    assert reader.grid == Grid(40, 50) and len(heard) == 1
    assert "it has no CRS, only rational polynomials (RPC); its map lies in the scene's own pixels" in heard[0]


def test_a_wrong_number_of_chosen_bands_is_refused(scene: Any) -> None:
    with pytest.raises(RasterError, match="2 bands chosen, but model tiny takes 3 of uint8"):
        fit(scene(3), tiny_card(), bands=["1", "2"])


def test_pixels_of_another_kind_are_refused(scene: Any) -> None:
    with pytest.raises(ModelError, match=r"its pixels are uint16, model tiny takes uint8; .*gdal_translate"):
        fit(scene(dtype="uint16", names=RGBN[:3]), tiny_card())
    with pytest.raises(ModelError, match="its pixels are uint8, model tiny takes float32; choose a model"):
        fit(scene(), tiny_card(dtype="float32"))


def test_a_stretch_makes_bytes_of_a_scene(scene: Any) -> None:
    path = scene(dtype="uint16", names=RGBN[:3], high=3000)
    opened = partial(open_raster, path)
    reader = open_fitting(
        str(path), opened, tiny_card(), None, 0.6, lambda _: None, stretch=parse_stretch("0,3000"), mend=STRETCH
    )
    with reader:
        assert isinstance(reader, Scaled) and reader.seen.grid.height == 20
        assert (reader.dtype, reader.grid.height, reader.bands) == (np.uint8, 40, RGBN[:3])
        assert reader.notes["SMALTI_STRETCH_VALUES"] == "red 0 3000; green 0 3000; blue 0 3000"
    with pytest.raises(
        ModelError, match=r"its pixels are uint16, model tiny takes uint8; .* or stretch it to bytes: --str"
    ):
        open_fitting(str(path), opened, tiny_card(), None, "auto", lambda _: None, mend=STRETCH)


def test_a_stretch_is_refused_for_a_model_that_takes_no_bytes() -> None:
    check_stretch(tiny_card(), parse_stretch("2%,98%"))
    check_stretch(tiny_card(dtype="uint16", scale=1e-4), None)
    with pytest.raises(OptionError, match=r"model tiny takes pixels of uint16 as they are stored, .*; omit --stretch"):
        check_stretch(tiny_card(dtype="uint16", scale=1e-4), parse_stretch("2%,98%"))


def test_int16_is_taken_for_uint16(scene: Any) -> None:
    assert fit(scene(dtype="int16", names=RGBN[:3]), tiny_card(dtype="uint16", scale=1e-2))[1] == []


def test_values_of_another_unit_are_warned_of(scene: Any) -> None:
    card = tiny_card(dtype="uint16", scale=1 / 10000)
    assert fit(scene(dtype="uint16", names=RGBN[:3], high=10000), card)[1] == []
    [warning] = fit(scene(dtype="uint16", names=RGBN[:3], high=10000), tiny_card(dtype="uint16", scale=1.0))[1]
    assert "are far from what model tiny was trained on" in warning


def test_pixels_far_outside_of_the_models_range_are_resampled_for_the_network(scene: Any) -> None:
    card = tiny_card(resolution=(0.2, 0.6))
    assert fit(scene(), card)[1] == []
    path = scene(pixel=0.1)
    reader, heard = fit(path, card)
    assert isinstance(reader, Scaled) and heard == []
    assert (reader.grid.height, reader.seen.grid.height, reader.metres) == (40, 20, 0.2)
    why = "resampled from 0.1 m to 0.2 m for the network, as model tiny was trained for 0.2 to 0.6 m"
    assert reader.why == f"{path}: {why}"
    assert reader.notes == {"SMALTI_NETWORK_PIXEL_M": "0.2"}
    coarser, _ = fit(scene(pixel=1.1), card)
    assert isinstance(coarser, Scaled) and (coarser.grid.width, coarser.seen.grid.width) == (50, 92)


def test_the_card_states_how_far_outside_of_its_range_pixels_may_be(scene: Any) -> None:
    path = scene(pixel=0.17)
    assert not isinstance(fit(path, tiny_card(resolution=(0.2, 0.6)))[0], Scaled)  # 1.25 by default
    assert isinstance(fit(path, tiny_card(resolution=(0.2, 0.6), resample_beyond=1.1))[0], Scaled)
    lenient = tiny_card(resolution=(0.2, 0.6), resample_beyond=4)
    assert not isinstance(fit(scene(pixel=2.3), lenient)[0], Scaled)
    with pytest.raises(ValidationError, match="resample_beyond"):
        tiny_card(resample_beyond=0.9)


def test_pixels_as_they_are_are_warned_of(scene: Any) -> None:
    card = tiny_card(resolution=(0.2, 0.6))
    reader, [near] = fit(scene(pixel=0.1), card, resolution="native")
    assert not isinstance(reader, Scaled)
    assert near.endswith("pixels of 0.1 m, model tiny was trained for 0.2 to 0.6 m; omit --resolution native")
    for pixel, resampled in ((12, False), (2.0, True)):
        reader, [far] = fit(scene(pixel=pixel), card)
        assert isinstance(reader, Scaled) == resampled
        assert far.endswith("was trained for 0.2 to 0.6 m; expect errors, or choose a model for such pixels")


def test_coarse_pixels_are_made_half_as_large_at_most(scene: Any) -> None:
    card = tiny_card(resolution=(0.2, 0.4))
    for pixel, metres, warned in ((0.8, 0.4, False), (1.2, 0.6, False), (1.5, 0.75, True), (4.0, 2.0, True)):
        reader, heard = fit(scene(pixel=pixel), card)
        assert isinstance(reader, Scaled) and reader.metres == pytest.approx(metres, rel=1e-3)
        assert bool(heard) == warned
        assert ("was trained for" in reader.why) == (metres == 0.4)
        _, [native] = fit(scene(pixel=pixel), card, resolution="native")
        assert native.endswith("omit --resolution native")
    assert not isinstance(fit(scene(pixel=4.1), card)[0], Scaled)


@pytest.mark.parametrize("pixel", [(0.3, 40.0), (0.001, 5.0), (1e-5, 1e-5)])
def test_what_cannot_be_resampled_stays_as_it_is(scene: Any, pixel: tuple[float, float]) -> None:
    path = scene()
    with rasterio.open(path, "r+") as file:
        file.transform = Affine(pixel[0], 0, 5e5, 0, -pixel[1], 5e6)
    reader, [warning] = fit(path, tiny_card(resolution=(0.25, 1.0)))
    assert not isinstance(reader, Scaled)
    assert warning.endswith("was trained for 0.25 to 1 m; expect errors, or choose a model for such pixels")


def test_a_given_pixel_size_is_what_the_network_sees(scene: Any) -> None:
    reader, _ = fit(scene(), tiny_card(resolution=(0.2, 0.6)), resolution=0.6)
    assert isinstance(reader, Scaled) and (reader.grid.height, reader.seen.grid.height) == (40, 20)
    path = scene()
    unknown, _ = fit(path, tiny_card(), resolution=0.6)
    assert isinstance(unknown, Scaled) and unknown.why == f"{path}: resampled from 0.3 m to 0.6 m for the network"
    assert not isinstance(fit(path, tiny_card(), resolution=0.3)[0], Scaled)
    with pytest.raises(RasterError, match=r"from 12 to 0\.6 m it would have .* pixels, more than 16 times finer"):
        fit(scene(pixel=12), tiny_card(), resolution=0.6)


def test_a_scene_without_a_place_is_warned_of(scene: Any) -> None:
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        path = scene(crs=None)
    [warning] = fit(path, tiny_card())[1]
    assert "it has no CRS, so its map has none either" in warning
