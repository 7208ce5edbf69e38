"""`predict`: arrays and files in, a prediction that shows itself out."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

import smalti as sm
from smalti.card import Task
from smalti.errors import ArrayError, MissingExtraError, ModelError, OptionError, OutputError, RasterError
from tests.tiny import tiny_card, tiny_model

CLASSES = Task(name="landcover", labels=("most <red>", "most green", "most blue"))
PLACE = sm.Grid(60, 70, Affine(0.5, 0, 5e5, 0, -0.5, 5e6), CRS.from_epsg(32633))
IMAGE = np.random.default_rng(0).integers(1, 255, (3, 6, 7), np.uint8).repeat(10, 1).repeat(10, 2)
"""(3, 60, 70), of which the tiny model finds the brightest band."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> sm.OpenModel:
    tasks = (CLASSES, Task(name="height", kind="value", unit="m", minimum=0.0))
    return sm.open_model(tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx", tiny_card(tasks=tasks)))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    shape = {"height": 60, "width": 70, "count": 3, "dtype": "uint8", "photometric": "rgb"}
    with rasterio.open(path, "w", driver="GTiff", crs=PLACE.crs, transform=PLACE.transform, **shape) as file:
        file.write(IMAGE)
    return path


def test_both_orders_of_axes_and_a_file_give_the_same(model: sm.OpenModel, scene: Path) -> None:
    first = sm.predict(IMAGE, model, grid=PLACE)
    last = sm.predict(np.moveaxis(IMAGE, 0, 2), model)
    file = sm.predict(scene, model)
    assert (first.classes == IMAGE.argmax(0)).mean() > 0.99
    assert first.grid == file.grid and not last.grid.georeferenced
    for other in (last, file):
        assert (first.classes == other.classes).all() and (first.values == other.values).all()
        assert (first.probabilities("landcover") == other.probabilities()).all()


def test_what_it_holds(model: sm.OpenModel) -> None:
    mask = np.ones((60, 70), bool)
    mask[:20] = False
    found = sm.predict(IMAGE, model, valid=mask)
    assert found.classes.dtype == np.uint8 and (found.classes[:20] == 255).all()
    assert found.values.dtype == np.float32 and np.isnan(found.values[:20]).all()
    assert found.probabilities().shape == (3, 60, 70) and (found.valid == mask).all()
    assert sum(found.shares().values()) == pytest.approx(1)
    assert not found.valid.flags.writeable and not found.classes.flags.writeable
    assert "60 x 70 pixels, 67% valid; landcover: " in repr(found) and "height: values in m" in repr(found)


def test_one_task_alone_and_tasks_that_are_not_there(model: sm.OpenModel) -> None:
    found = sm.predict(IMAGE, model)
    assert [task.name for task in found.of("height").tasks] == ["height"]
    with pytest.raises(ModelError, match="predicts no classes here, only height"):
        _ = found.of("height").classes
    with pytest.raises(ModelError, match="predicts no task 'roads'; expected one of landcover, height") as refused:
        found.probabilities("roads")
    assert refused.value.value == "roads"
    with pytest.raises(ModelError, match="has no classes but values"):
        found.probabilities("height")


def test_floats_that_are_not_finite_are_invalid(tmp_path: Path) -> None:
    card = tiny_card(dtype="float32", scale=1.0, std=(255.0,) * 3)
    pixels = IMAGE.astype(np.float32)
    pixels[1, 5, 6] = np.nan
    found = sm.predict(pixels, tiny_model(tmp_path / "t.onnx", card))
    assert (~found.valid).sum() == 1 and found.classes[5, 6] == 255


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.zeros((3, 9, 3), np.uint8), {}, r"shape \(3, 9, 3\) may be H,W,C or C,H,W; give axes='HWC' or axes='CHW'"),
        (np.zeros((9, 8, 4), np.uint8), {}, r"takes H,W,3 or 3,H,W \(red, green, blue\)"),
        (np.zeros((9, 8, 4), np.uint8), {"axes": "CHW"}, r"shape \(9, 8, 4\) as CHW; model tiny takes"),
        (np.zeros((9, 8, 4), np.uint8), {"bands": [1, 2, 3]}, "give axes='HWC'"),
        (np.zeros((9, 8), np.uint8), {}, r"has shape \(9, 8\); model tiny takes H,W,3"),
        (np.zeros((3, 0, 8), np.uint8), {}, r"has shape \(3, 0, 8\)"),
        (np.zeros((3, 9, 8)), {}, "is float64, model tiny takes uint8: scale the values to 0 to 255, then convert"),
        (np.zeros((3, 9, 8), np.uint8), {"axes": "WHC"}, "axes is 'WHC'; expected"),
        (np.zeros((3, 9, 8), np.uint8), {"valid": np.ones((8, 9), bool)}, r"valid is bool of shape \(8, 9\)"),
        (np.zeros((3, 9, 8), np.uint8), {"valid": [True]}, "valid is list; expected bool"),
        (np.zeros((3, 9, 8), np.uint8), {"grid": PLACE}, "the grid has 60 x 70 pixels, the array 9 x 8"),
        ([[1, 2]], {}, r"got list; expected a path, a numpy array or an xarray\.DataArray"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_say_what_came_and_what_is_expected(
    model: sm.OpenModel, image: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArrayError, match=message) as refused:
        sm.predict(image, model, **options)
    assert refused.value.value is not None and "\n" not in str(refused.value)


def test_bands_are_chosen_by_number(model: sm.OpenModel) -> None:
    four = np.concatenate([np.zeros((1, 60, 70), np.uint8), IMAGE])
    chosen = sm.predict(np.moveaxis(four, 0, 2), model, bands=[2, 3, 4], axes="HWC")
    assert (chosen.classes == sm.predict(IMAGE, model).classes).all()
    with pytest.raises(RasterError, match="there is no band '7'"):
        sm.predict(four, model, bands=[7, 1, 2], axes="CHW")
    with pytest.raises(OptionError, match="bands is '1,2,3'; expected a list"):
        sm.predict(four, model, bands="1,2,3")


def test_an_array_with_a_place_is_resampled(model: sm.OpenModel) -> None:
    coarse = sm.predict(IMAGE, model, grid=PLACE, resolution=1)
    assert coarse.grid == PLACE and coarse.classes.shape == (60, 70)
    assert (coarse.classes != sm.predict(IMAGE, model, grid=PLACE).classes).any()
    with pytest.raises(OptionError, match=r"resolution is -1; expected `auto`, `native` or a pixel size in metres"):
        sm.predict(IMAGE, model, resolution=-1)
    with pytest.raises(RasterError, match="cannot be resampled to 1 m"):
        sm.predict(IMAGE, model, resolution=1)


def test_files_and_options_of_arrays_exclude_each_other(model: sm.OpenModel, scene: Path) -> None:
    with pytest.raises(OptionError, match="are for arrays"):
        sm.predict(scene, model, axes="HWC")


def test_a_raster_in_memory_has_the_bytes_of_a_map(model: sm.OpenModel, scene: Path, tmp_path: Path) -> None:
    made = sm.map(scene, tmp_path / "map.tif", model=model, confidence=True, probabilities=True)
    written = sm.predict(scene, model).to_raster(tmp_path / "mem.tif", confidence=True, probabilities=True)
    again = sm.predict(scene, model).to_raster(tmp_path / "mem.tif", confidence=True, probabilities=True)
    assert written == again and len(written) == len(made.paths) == 4
    for path in written:
        other = tmp_path / path.name.replace("mem", "map")
        assert path.read_bytes() == other.read_bytes()
    assert not [path.name for path in tmp_path.iterdir() if path.suffix in (".partial", ".lock", ".holder")]


def test_a_raster_replaces_no_file_that_is_no_map(model: sm.OpenModel, scene: Path) -> None:
    before = scene.read_bytes()
    with pytest.raises(OutputError, match="is not a map of this program"):
        sm.predict(scene, model).to_raster(scene)
    assert scene.read_bytes() == before


def test_a_notebook_sees_pictures_with_legends_without_matplotlib(
    model: sm.OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    html = sm.predict(IMAGE, model)._repr_html_()
    assert html.count("data:image/png;base64,") == 1 and html.count("<figure") == 2
    assert "most &lt;red&gt;" in html and "most green" in html and "<red>" not in html
    with pytest.raises(MissingExtraError, match=r"pip install 'smalti\[plot\]'") as missing:
        sm.predict(IMAGE, model).plot()
    assert missing.value.extra == "plot"


def test_it_is_drawn_with_matplotlib(model: sm.OpenModel) -> None:
    pytest.importorskip("matplotlib").use("agg")
    axes = sm.predict(IMAGE, model, grid=PLACE).plot()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["most <red>", "most green", "most blue"]
    assert axes.images[0].get_extent() == [5e5, 5e5 + 35, 5e6 - 30, 5e6]
    same = sm.predict(IMAGE, model).plot("height", ax=axes.figure.subplots())
    assert same.get_title() == "height"


def test_data_arrays_keep_their_place(model: sm.OpenModel, scene: Path) -> None:
    xarray = pytest.importorskip("xarray")
    part = sm.predict(scene, model).to_xarray()
    assert part.attrs["flag_meanings"] == "most_<red> most_green most_blue" and part.dims == ("y", "x")
    image = xarray.DataArray(IMAGE, dims=("band", "y", "x"), coords={name: part.coords[name] for name in ("y", "x")})
    image = image.assign_coords(spatial_ref=part.coords["spatial_ref"])
    for given in (image, image.transpose("y", "x", "band")):
        found = sm.predict(given, model)
        assert found.grid == PLACE and (found.classes == part.values).all()
    cut = sm.predict(image.isel(y=slice(10, 60), x=slice(20, 70)), model)
    assert cut.grid.transform == pytest.approx(Affine(0.5, 0, 5e5 + 10, 0, -0.5, 5e6 - 5))
    named = image.isel(band=[2, 1, 0]).assign_coords(band=["blue", "green", "red"])
    assert (sm.predict(named, model).classes == part.values).all()
    with pytest.raises(ArrayError, match="has the dimensions time, band, y, x; expected y, x and one of bands"):
        sm.predict(image.expand_dims("time"), model)
    uneven = image.assign_coords(x=np.geomspace(1, 9, 70))
    with pytest.raises(ArrayError, match="the coordinates x of the DataArray are not evenly spaced"):
        sm.predict(uneven, model)


def test_data_arrays_are_checked_like_arrays(model: sm.OpenModel) -> None:
    xarray = pytest.importorskip("xarray")
    image = xarray.DataArray(IMAGE, dims=("band", "y", "x"))
    small = replace(PLACE, height=3)
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (image, {"grid": small}, "the grid has 3 x 70 pixels, the array 60 x 70"),
        (image, {"valid": "x"}, "valid is str; expected bool"),
        (image, {"axes": "CHW"}, "a DataArray has named dimensions"),
        (image[:, :0], {}, r"has shape \(3, 0, 70\)"),
        (image.assign_attrs(_FillValue="none"), {}, "_FillValue of the DataArray is 'none'; expected a number"),
    ]
    for given, options, message in wrong:
        with pytest.raises(ArrayError, match=message):
            sm.predict(given, model, **options)
    for beyond in (-9999, np.float32(-9999), 1e20, 0.5):  # no byte has such a value
        assert sm.predict(image.assign_attrs(_FillValue=beyond), model).valid.all()
    first = int(IMAGE[0, 0, 0])
    assert not sm.predict(image.assign_attrs(_FillValue=str(first)).where(False, first), model).valid.any()


def test_without_xarray_the_extra_is_named(model: sm.OpenModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingExtraError, match=r"smalti\[xarray\]"):
        sm.predict(IMAGE, model).to_xarray()
