"""Each argument of each verb: what is of the wrong type ends in one line that names it, before any work."""

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smalti as sm
from smalti.arguments import fits
from smalti.errors import ArrayError, InputError, OptionError, SmaltiError
from smalti.tiling import Window

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
NEEDED: dict[str, dict[str, Any]] = {
    # verb: arguments without a default
    "check_data": {"folder": "mine"},
    "draw": {"size": 8},
    "evaluate": {"model": "landcover", "data": "mine"},
    "export": {"checkpoint": "run", "output": "own.onnx"},
    "map": {"scene": "a.tif", "output": "map.tif"},
    "map_many": {"names": ["a.tif"], "output": "maps/"},
    "mosaic": {"scenes": "a.tif", "output": "town/"},
    "open_model": {"name_or_path": "landcover"},
    "open_raster": {"path": "a.tif"},
    "predict": {"image": IMAGE},
    "prune": {"model": "landcover", "output": "small"},
    "rank_photos": {"folder": "photos"},
    "shrink": {"model": "landcover", "output": "own.onnx"},
    "split_data": {"folder": "mine", "out": "own"},
    "stats": {"maps": ["a.tif"], "zones": "zones.gpkg"},
    "suggest": {"scene": "a.tif", "output": "next.geojson"},
    "teach": {"project": "lesson", "output": "own.onnx"},
    "train": {"recipe": "own.toml"},
}
VERBS = [name for name in sm.__all__ if isinstance(getattr(sm, name), types.FunctionType)]
WRONG: list[Any] = [object(), b"x", 1j, 10**400, True, 1.5, None, "", "a\0b", "x" * 5000, "\ud800", [None], {"a": None}]
OWN = {"image", "axes", "valid", "grid", "size", "seed"}
"""Arguments with checks of their own, which say more."""


def parameters() -> list[tuple[str, str]]:
    return [(verb, name) for verb in VERBS for name in inspect.signature(getattr(sm, verb)).parameters]


def test_each_verb_is_here() -> None:
    assert set(VERBS) == NEEDED.keys()


@pytest.mark.parametrize(("verb", "name"), parameters())
def test_an_argument_of_the_wrong_type_is_named(
    verb: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, kind = getattr(sm, verb), inspect.signature(getattr(sm, verb)).parameters[name].annotation
    assert name in OWN or not isinstance(kind, str)
    for value in WRONG[:2] if name in OWN else WRONG:
        if name not in OWN and fits(value, kind):
            continue
        with pytest.raises(SmaltiError) as refused:
            call(**NEEDED[verb] | {name: value})
        text = str(refused.value)
        assert "\n" not in text and len(text) < 300 and "; expected " in text
        assert name in OWN or (
            isinstance(refused.value, OptionError)
            and refused.value.value is value
            and text.startswith("model" if name == "name_or_path" else name)
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::smalti.errors.UnlikeWarning")  # noise is
def test_arguments_of_results_are_checked_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found, scene = sm.predict(IMAGE), sm.draw(8)
    calls: list[Callable[[Any], object]] = [
        found.of,
        found.probabilities,
        found.shares,
        found.plot,
        found.to_xarray,
        found.to_raster,
        scene.save,
        lambda value: found.to_raster("map.tif", cog=value),
        lambda value: scene.save("a.tif", progress=value),
        lambda value: sm.MapOptions(tta=value),
        lambda value: sm.MapOptions(min_area=value),
        lambda value: sm.Grid(3, value),
        lambda value: sm.Grid(3, 3, value),
        lambda value: sm.Grid(3, 3, crs=value),
    ]
    for call in calls:
        for value in (object(), b"x", 1j):
            with pytest.raises(OptionError, match="; expected ") as refused:
                call(value)
            assert refused.value.value is value
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("window", [None, 3, Window(0, 0, 0, 5), Window(0, 0, -3, 5), Window("a", 0, 3, 3)])  # type: ignore[arg-type]
def test_what_is_no_window_is_refused(window: Any, tmp_path: Path) -> None:
    sm.draw(16).save(tmp_path / "a.tif")
    with sm.open_raster(tmp_path / "a.tif") as raster, pytest.raises(OptionError, match=r"; expected "):
        raster.read(window)


@pytest.mark.parametrize(
    "batch", [None, [1], IMAGE[None].astype(object), np.full((1, 3, 8, 8), "a"), np.zeros(3, complex)]
)
def test_what_is_no_batch_is_refused(batch: Any) -> None:
    with pytest.raises(SmaltiError, match=r"the batch is .*; expected a numpy array N,C,H,W of numbers"):
        sm.open_model("landcover", threads=1)(batch)


def test_a_name_that_the_system_refuses_is_told(tmp_path: Path) -> None:
    name = str(tmp_path / ("x" * 300))
    for call in (sm.check_data, sm.open_model, sm.rank_photos, lambda path: sm.evaluate("landcover", path)):
        with pytest.raises(
            InputError, match=r"(folder|name_or_path|data) is .*: file name too long; give a path"
        ) as refused:
            call(name)
        assert refused.value.value == name and isinstance(refused.value.__cause__, OSError)
    with pytest.raises(InputError, match="file name too long"):
        sm.map(name, tmp_path / "map.tif")


def test_an_error_of_a_callback_stays(tmp_path: Path) -> None:
    def fail(now: sm.Progress) -> None:
        (tmp_path / "none").read_text()

    with pytest.raises(FileNotFoundError):
        sm.predict(IMAGE, progress=fail)


def test_axes_are_one_text() -> None:
    with pytest.raises(ArrayError, match=r"axes is .*; expected 'HWC' or 'CHW'"):
        sm.predict(IMAGE, axes=np.array(["CHW", "HWC"]))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::smalti.errors.UnlikeWarning")  # noise is
def test_numbers_of_numpy_and_iterators_are_taken(tmp_path: Path) -> None:
    plain = sm.predict(IMAGE, bands=[1, 2, 3], axes="HWC", tta=False)
    for bands in (np.array([1, 2, 3]), (name for name in ("1", "2", "3")), ("1", 2, np.int64(3))):
        found = sm.predict(IMAGE, bands=bands, axes="HWC", tta=np.False_)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.classes, plain.classes)
    options = sm.MapOptions(min_area=np.float32(2.5), polygons=".gpkg", bands=iter("123"))  # type: ignore[arg-type]
    assert type(options.min_area) is float and options.bands == ("1", "2", "3")


def test_missing_and_unknown_arguments_are_told_by_python() -> None:
    with pytest.raises(TypeError, match=r"predict\(\) missing 1 required positional argument"):
        sm.predict()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"draw\(\) got an unexpected keyword argument 'sise'"):
        sm.draw(sise=3)  # type: ignore[call-arg]


def test_a_callback_that_stops_an_iteration_ends_the_job(tmp_path: Path) -> None:
    def stop(now: sm.Progress) -> None:
        raise StopIteration

    sm.draw(64).save(tmp_path / "a.tif")
    for call in (
        lambda: sm.predict(IMAGE, progress=stop),
        lambda: sm.map(tmp_path / "a.tif", tmp_path / "map.tif", progress=stop),
        lambda: list(sm.map_many([tmp_path / "a.tif"], tmp_path / "b.tif", progress=stop)),
    ):
        with pytest.raises(OptionError, match="progress raised StopIteration; raise another exception"):
            raise_errors(call())


def raise_errors(found: object) -> None:
    for each in found if isinstance(found, list) else ():
        if isinstance(each, SmaltiError):
            raise each


def test_results_are_members_of_sets(tmp_path: Path) -> None:
    sm.draw(32).save(tmp_path / "a.tif")
    mapped = sm.map(tmp_path / "a.tif", tmp_path / "map.tif")
    results = (
        mapped,
        sm.check_data(tmp_path),
        sm.DataSplit(tmp_path, "place", {"train": 1}),
        sm.Run(tmp_path, "a", {}),
    )
    assert {*results, *results} == set(results)


@pytest.mark.parametrize("threads", [0, -1])
def test_a_model_needs_a_thread(threads: int) -> None:
    with pytest.raises(OptionError, match=f"threads is {threads}; expected a whole number from 1"):
        sm.open_model("landcover", threads=threads)


@pytest.mark.parametrize("boundary", [0, -1, 10**30])
def test_a_tolerance_is_some_pixels(boundary: int, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"boundary is .*; expected a whole number from 1 to 1000"):
        sm.evaluate("landcover", tmp_path, boundary=boundary)


def test_errors_about_a_folder_hold_it(tmp_path: Path) -> None:
    for call in (sm.check_data, lambda folder: sm.split_data(folder, tmp_path / "own")):
        with pytest.raises(SmaltiError) as refused:
            call(tmp_path / "none")
        assert refused.value.value == tmp_path / "none"
    with pytest.raises(SmaltiError, match="only local files are written"):
        sm.split_data(tmp_path, "https://example.org/own")


@pytest.mark.parametrize(
    ("place", "coordinates", "message"),
    [
        ({"GeoTransform": "a b c"}, {}, "GeoTransform of the DataArray is 'a b c'; expected six numbers"),
        ({"GeoTransform": "1 2 3"}, {}, "GeoTransform of the DataArray is '1 2 3'"),
        ({"GeoTransform": "0 0 0 0 0 0"}, {}, "GeoTransform of the DataArray is '0 0 0 0 0 0'"),
        ({"GeoTransform": "nan 1 0 nan 0 1"}, {}, "GeoTransform of the DataArray is 'nan 1 0"),
        ({"crs_wkt": "junk"}, {}, "the CRS of the DataArray cannot be read"),
        ({"crs_wkt": [1]}, {}, "the CRS of the DataArray cannot be read"),
        ({}, {"y": np.full(40, np.nan)}, "the coordinates y of the DataArray are not evenly spaced"),
        ({}, {"y": np.arange(40).astype("M8[D]")}, "the coordinates y of the DataArray are datetime"),
        ({}, {"y": list("ab" * 20)}, "the coordinates y of the DataArray are <U1; expected one row of numbers"),
    ],
)
def test_a_data_array_with_a_georeference_that_cannot_be_read(place: Any, coordinates: Any, message: str) -> None:
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(IMAGE, dims=("y", "x", "band"), coords={"x": np.arange(50.0), "y": np.arange(40.0)})
    if place:
        array = array.drop_vars(["x", "y"])
    array = array.assign_coords(spatial_ref=xarray.DataArray(0, attrs=place), **coordinates)
    with pytest.raises(ArrayError, match=message) as refused:
        sm.predict(array)
    assert "\n" not in str(refused.value)
