"""`map` and `open_model` of the Python API."""

import inspect
import threading
import warnings
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

import smalti as sm
from smalti.errors import (
    BusyError,
    GeoreferenceWarning,
    ModelError,
    ModelWarning,
    OptionError,
    OutputWarning,
    RasterError,
    SmaltiError,
    UnlikeWarning,
)
from smalti.workflows.models import OpenModel
from tests.tiny import tiny_card, tiny_model, unlike_above

PLACE = {"crs": "EPSG:32633", "transform": Affine(0.5, 0, 5e5, 0, -0.5, 5e6)}


@pytest.fixture
def model(tmp_path: Path) -> OpenModel:
    return sm.open_model(tiny_model(tmp_path / "tiny.onnx", tiny_card()))


def image(path: Path, seed: int = 0, **options: object) -> Path:
    pixels = np.random.default_rng(seed).integers(1, 255, (3, 20, 20), np.uint8).repeat(10, 1).repeat(10, 2)
    shape = {"height": 200, "width": 200, "count": 3, "dtype": "uint8", "photometric": "rgb"}
    with rasterio.open(path, "w", driver="GTiff", **shape, **{**PLACE, **options}) as file:
        file.write(pixels)
    return path


def test_the_result_names_what_was_written(tmp_path: Path, model: OpenModel) -> None:
    scene, out = image(tmp_path / "scene.tif"), tmp_path / "maps" / "map.tif"
    polygons = tmp_path / "maps" / "map.gpkg"
    done = sm.map(scene, out, model=model, confidence=True, polygons=polygons, report=True)
    assert done.paths == (out, out.with_name("map_confidence.tif"), polygons, out.with_suffix(".html"))
    assert all(path.is_file() for path in done.paths) and done.polygon_count > 0 and done.summary is not None
    assert repr(done).startswith(f"MapResult({str(out)!r}, map_confidence.tif, map.gpkg, map.html: 200 x 200 pixels, ")
    again = sm.map(scene, out, model=model, confidence=True)
    assert again.summary is None and "already finished" in repr(again)
    with pytest.raises(FrozenInstanceError):
        done.path = out  # type: ignore[misc]


def test_the_arguments_are_the_options() -> None:
    arguments = inspect.signature(sm.map).parameters
    for field in fields(sm.MapOptions):
        assert arguments[field.name].default == field.default
        assert arguments[field.name].kind is inspect.Parameter.KEYWORD_ONLY


def test_nothing_is_printed_and_doubts_are_warnings_of_the_callers_line(
    tmp_path: Path, model: OpenModel, capfd: pytest.CaptureFixture[str]
) -> None:
    nowhere = image(tmp_path / "scene.tif", crs=None, transform=Affine(1, 0, 0, 0, -1, 200))
    with pytest.warns(GeoreferenceWarning, match="it has no CRS") as heard:
        sm.map(nowhere, tmp_path / "map.tif", model=model)
    assert [warning.filename for warning in heard] == [__file__]
    with rasterio.open(tmp_path / "map.tif", "r+") as file:
        file.write(np.full((1, 1), 9, np.uint8), 1, window=rasterio.windows.Window(0, 0, 1, 1))
    with pytest.warns(OutputWarning, match=r"is kept as map\.tif\.changed-1"), warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoreferenceWarning)
        sm.map(nowhere, tmp_path / "map.tif", model=model)
    assert capfd.readouterr() == ("", "")


def test_uncertainty_is_that_of_the_cards_temperature(tmp_path: Path) -> None:
    scene, card = image(tmp_path / "scene.tif"), tiny_card()
    plain = sm.open_model(tiny_model(tmp_path / "plain.onnx", card))
    with pytest.warns(ModelWarning, match="model tiny: its card has no temperature for landcover; its unc"):
        sm.map(scene, tmp_path / "plain.tif", model=plain, uncertainty=True)
    hot = card.model_copy(update={"tasks": (card.tasks[0].model_copy(update={"temperature": 20.0}),)})
    model = sm.open_model(tiny_model(tmp_path / "hot.onnx", hot))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = sm.map(scene, tmp_path / "map.tif", model=model, uncertainty=True)
    assert done.paths[1:] == (tmp_path / "map_uncertainty.tif",)
    with (
        rasterio.open(tmp_path / "map_uncertainty.tif") as file,
        rasterio.open(tmp_path / "plain_uncertainty.tif") as raw,
    ):
        found, cool = file.read(1), raw.read(1)
        assert file.tags()["SMALTI_TEMPERATURE"] == "20" and raw.tags()["SMALTI_TEMPERATURE"] == "1"
        assert file.scales == (1 / 250,)
    assert found.mean() > cool.mean() + 10
    seen = sm.predict(scene, model)
    np.testing.assert_array_equal(found, np.uint8(seen.uncertainty() * 250 + 0.5))
    np.testing.assert_array_equal(seen.classes, sm.predict(scene, plain).classes)
    written = seen.to_raster(tmp_path / "again.tif", uncertainty=True)
    with rasterio.open(written[1]) as file:
        np.testing.assert_array_equal(file.read(1), found)


def test_what_is_unlike_the_training_is_told_and_warned_of(tmp_path: Path) -> None:
    scene, card = image(tmp_path / "scene.tif"), tiny_card(unlike=unlike_above(0.1))
    model = sm.open_model(tiny_model(tmp_path / "tiny.onnx", card))
    for _ in range(2):  # a finished map tells it, too
        with pytest.warns(UnlikeWarning, match="scene.tif: 100 % of this scene is unlike what tiny was trained on"):
            done = sm.map(scene, tmp_path / "map.tif", model=model, report=True)
        assert done.unlike == 1
    page = (tmp_path / "map.html").read_text()
    assert "100 % of this scene is unlike what tiny was trained on: expect errors where it is marked" in page
    with pytest.warns(UnlikeWarning, match="100 %"):
        assert sm.predict(scene, model, tta=True).unlike == 1
    with rasterio.open(scene) as file:
        dim, profile = file.read() // 4 + 20, file.profile
    with rasterio.open(tmp_path / "dim.tif", "w", **profile) as file:
        file.write(dim)
    with pytest.warns(UnlikeWarning, match=r"its values lie between 2\d and [78]\d of 255: try --stretch 1%,99% first"):
        sm.predict(tmp_path / "dim.tif", model)
    with pytest.warns(UnlikeWarning, match=r"expect errors \(teach it, or use another model\)"):
        sm.predict(dim, model)  # an array cannot be stretched
    used = sm.open_model(tiny_model(tmp_path / "used.onnx", tiny_card(unlike=unlike_above(0.9))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sm.map(scene, tmp_path / "other.tif", model=used).unlike == 0 == sm.predict(scene, used).unlike


def test_a_model_that_does_not_judge_tells_nothing(tmp_path: Path, model: OpenModel) -> None:
    done = sm.map(image(tmp_path / "scene.tif"), tmp_path / "map.tif", model=model, report=True)
    assert done.unlike is None and "Unlike the training" not in (tmp_path / "map.html").read_text()


def deep(path: Path, low: int, high: int, left: float = 5e5) -> Path:
    pixels = np.random.default_rng(low).integers(low, high, (3, 64, 64)).astype(np.uint16)
    shape = {"height": 64, "width": 64, "count": 3, "dtype": "uint16", "photometric": "rgb"}
    with rasterio.open(
        path, "w", driver="GTiff", **shape, **PLACE | {"transform": Affine(0.5, 0, left, 0, -0.5, 5e6)}
    ) as f:
        f.write(pixels)
    return path


def test_a_stretched_scene_is_mapped_as_its_bytes_would_be(tmp_path: Path, model: OpenModel) -> None:
    scene, out = deep(tmp_path / "deep.tif", 200, 2500), tmp_path / "map.tif"
    with pytest.raises(ModelError, match="or stretch it to bytes: --stretch LOW,HIGH"):
        sm.map(scene, out, model=model)
    done = sm.map(scene, out, model=model, stretch="2%,98%", probabilities=True)
    assert sm.map(scene, out, model=model, stretch="2%,98%", probabilities=True).summary is None
    with rasterio.open(scene) as file:
        pixels = file.read().astype(float)
    low, high = np.percentile(pixels.reshape(3, -1), [2, 98], axis=1, method="inverted_cdf")[..., None, None]
    data = np.rint(np.clip((pixels - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    for path in (done.path, out.with_name("map_probabilities.tif")):
        with rasterio.open(path) as file:
            tags, found = file.tags(), file.read(1)
        assert tags["SMALTI_STRETCH"] == "2%,98%"
        assert tags["SMALTI_STRETCH_VALUES"].startswith(f"red {low[0, 0, 0]:g} {high[0, 0, 0]:g}; green ")
        if path == done.path:
            np.testing.assert_array_equal(found, sm.predict(data, model).classes)
            np.testing.assert_array_equal(found, sm.predict(scene, model, stretch="2%,98%").classes)
    assert sm.map(scene, out, model=model, stretch=(0, 3000)).summary is not None  # another range is another map
    with pytest.raises(OptionError, match="stretch is for files; give an array"):
        sm.predict(data, model, stretch="0,3000")


def test_all_files_of_a_mosaic_are_stretched_alike(tmp_path: Path, model: OpenModel) -> None:
    parts = [deep(tmp_path / "a.tif", 1, 900), deep(tmp_path / "b.tif", 1000, 3000, 5e5 + 32)]
    done = sm.map(parts, tmp_path / "map.tif", model=model, stretch="5%,95%")
    with rasterio.open(done.path) as file:
        first, *_ = file.tags()["SMALTI_STRETCH_VALUES"].split(";")
    _, low, high = first.split()
    assert float(low) < 900 and float(high) > 1000


def test_progress_counts_the_pixels(tmp_path: Path, model: OpenModel) -> None:
    heard: list[sm.Progress] = []
    sm.map(image(tmp_path / "scene.tif"), tmp_path / "map.tif", model=model, progress=heard.append)
    assert heard[-1] == sm.Progress("map.tif", 40000, 40000, "Pix") and heard[0].done < 40000
    assert str(heard[-1]) == "map.tif: 100% of 40,000 Pix" and heard[-1].share == 1.0
    assert [now.done for now in heard] == sorted(now.done for now in heard)
    sm.map(tmp_path / "scene.tif", tmp_path / "map.tif", model=model, progress=heard.append)
    assert "is already finished" in str(heard[-1])


def test_an_interrupted_map_resumes(tmp_path: Path, model: OpenModel) -> None:
    scene, out = image(tmp_path / "scene.tif"), tmp_path / "map.tif"

    def interrupt(now: sm.Progress) -> None:
        if now.done > 20000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sm.map(scene, out, model=model, progress=interrupt)
    assert not out.exists() and not out.with_name("map.tif.lock").exists()
    notes: list[str] = []
    done = sm.map(scene, out, model=model, progress=lambda now: notes.append(now.note))
    assert any("resuming at row" in note for note in notes)
    assert done.summary is not None and done.summary.pixels < 40000
    other = sm.map(scene, tmp_path / "other.tif", model=model)
    assert out.read_bytes() == other.path.read_bytes()


def test_several_threads_predict_and_map_at_once(tmp_path: Path, model: OpenModel) -> None:
    scenes = [image(tmp_path / f"{k}.tif", seed=k) for k in range(2)]
    expected = [sm.predict(scene, model).classes for scene in scenes]
    failed: list[BaseException] = []

    def work(scene: Path, number: int) -> None:
        for turn in range(3):
            found = sm.predict(scene, model)
            made = sm.map(scene, tmp_path / f"{scene.stem}_{turn}_map.tif", model=model, polygons=None)
            with sm.open_raster(made.path, expand=False) as file:
                assert (file.read(sm.Window(0, 0, 200, 200))[0][0] == expected[number]).all()
            assert (found.classes == expected[number]).all()

    threads = [threading.Thread(target=_keeping(failed, work), args=(scene, k)) for k, scene in enumerate(scenes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def _keeping(failed: list[BaseException], work: Callable[[Path, int], None]) -> Callable[[Path, int], None]:
    def kept(scene: Path, number: int) -> None:
        try:
            work(scene, number)
        except BaseException as error:
            failed.append(error)

    return kept


def test_one_map_at_a_time(tmp_path: Path, model: OpenModel) -> None:
    scene, out = image(tmp_path / "scene.tif"), tmp_path / "map.tif"

    def meanwhile(_: sm.Progress) -> None:
        with pytest.raises(BusyError):
            sm.map(scene, out, model=model)

    sm.map(scene, out, model=model, progress=meanwhile)


def test_errors_carry_what_was_refused(tmp_path: Path, model: OpenModel) -> None:
    scene = image(tmp_path / "scene.tif")
    with pytest.raises(OptionError, match=r"must end in \.tif") as refused:
        sm.map(scene, tmp_path / "map.png", model=model)
    assert refused.value.value == tmp_path / "map.png"
    with pytest.raises(OptionError, match="its ending must be one of") as refused:
        sm.map(scene, tmp_path / "map.tif", model=model, polygons="p.shp")
    assert refused.value.value == "p.shp"
    with pytest.raises(OptionError, match=r"--min-area 5 is the smallest polygon, .*; give --polygons"):
        sm.map(scene, tmp_path / "map.tif", model=model, min_area=5)
    with pytest.raises(OptionError, match="min_area is -1; expected square metres"):
        sm.map(scene, tmp_path / "map.tif", model=model, min_area=-1)
    with pytest.raises(OptionError, match="holds 1 scenes; give them to map_many"):
        sm.map(tmp_path, tmp_path / "map.tif", model=model)
    with pytest.raises(ModelError, match="no model is named 'nothing'") as unknown:
        sm.map(scene, tmp_path / "map.tif", model="nothing")
    assert unknown.value.value == "nothing"
    with pytest.raises(OptionError, match="engine is 'tpu'; expected one of auto, onnx, openvino"):
        sm.open_model("landcover", "tpu")  # type: ignore[arg-type]


def test_many_scenes_go_on_behind_one_that_is_refused(tmp_path: Path, model: OpenModel) -> None:
    scenes = [image(tmp_path / "a.tif"), tmp_path / "missing.tif", image(tmp_path / "b.tif")]
    found = list(sm.map_many(scenes, tmp_path / "maps", model=model, options=sm.MapOptions(confidence=True)))
    assert [isinstance(one, sm.MapResult) for one in found] == [True, False, True]
    assert isinstance(found[1], RasterError) and isinstance(found[1], SmaltiError)


def test_a_model_shows_its_card_and_refuses_what_it_cannot(model: OpenModel) -> None:
    assert "most red" in repr(model) and repr(model).startswith("OpenModel tiny (")
    assert all(len(line) <= 120 for line in repr(sm.open_model("landcover")).splitlines())
    answer = model(np.zeros((1, 3, 64, 64), np.uint8))
    assert answer["landcover"].shape == (1, 3, 64, 64)
    ranker = sm.open_model("bestshot")
    with pytest.raises(ModelError, match="ranks photos"):
        ranker(np.zeros((1, 3, 64, 64), np.uint8))
    with pytest.raises(ModelError, match="predicts whole images"):
        sm.predict(np.zeros((3, 9, 9), np.uint8), ranker)
