"""What the verbs refuse is an error of the tree, of one line, that holds what was given."""

import copy
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smalti as sm
from smalti.errors import ArrayError, OptionError
from smalti.workflows.settings import as_settings
from tests.tiny import tiny_card, tiny_model

IMAGE = np.random.default_rng(0).integers(1, 255, (3, 40, 50), np.uint8)
NO_PATHS: list[Any] = ["", 5, None, b"folder", "a\0b"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> sm.OpenModel:
    return sm.open_model(tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx", tiny_card()))


@pytest.mark.parametrize("value", NO_PATHS)
def test_what_is_no_path_is_refused_before_any_work(
    model: sm.OpenModel, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # an empty path would be this folder
    found = sm.predict(IMAGE, model)
    calls: list[Callable[[], object]] = [
        lambda: found.to_raster(value),
        lambda: sm.draw(8).save(value),
        lambda: sm.map(value, "map.tif", model=model),
        lambda: sm.map("scene.tif", value, model=model),
        lambda: sm.evaluate(model, value),
        lambda: sm.rank_photos(value),
        lambda: sm.export(value, "a.onnx"),
    ]
    for call in calls:
        with pytest.raises(OptionError, match="; expected a path") as refused:
            call()
        assert refused.value.value == value
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [5, None, b"landcover", "", IMAGE, ["landcover"]])
def test_what_is_no_model_is_refused_as_one(value: Any) -> None:
    for call in (lambda: sm.open_model(value), lambda: sm.predict(IMAGE, value)):
        with pytest.raises(OptionError, match=r"^model is .*; expected a name, a ") as refused:
            call()
        assert refused.value.value is value and "\n" not in str(refused.value)


def test_errors_about_a_file_name_it(model: sm.OpenModel, tmp_path: Path) -> None:
    (tmp_path / "junk.tif").write_text("no image")
    for given, call in {
        "missing.tif": lambda path: sm.predict(path, model),
        "junk.tif": lambda path: sm.map(path, tmp_path / "m.tif", model=model),
        "gone": lambda path: sm.evaluate(model, path),
        "none": sm.rank_photos,
        "not.tif": sm.open_raster,
        "a.onnx": sm.open_model,
    }.items():
        with pytest.raises(sm.SmaltiError) as refused:
            call(tmp_path / given)
        assert str(refused.value.value) == str(tmp_path / given)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("a",), "size is 'a'"),
        ((1.5,), "size is 1.5"),
        ((10**9,), "size is 1000000000"),
        ((8, "x"), "seed is 'x'"),
        ((8, -1), "seed is -1"),
    ],
)
def test_a_scene_is_drawn_by_whole_numbers(arguments: Any, what: str) -> None:
    with pytest.raises(OptionError, match=f"^{what}; expected a whole number from "):
        sm.draw(*arguments)
    assert sm.draw(np.int64(8)).classes.shape == (8, 8)  # type: ignore[arg-type]


def test_a_grid_is_a_grid(model: sm.OpenModel) -> None:
    with pytest.raises(ArrayError, match="grid is 'x'; expected a Grid"):
        sm.predict(IMAGE, model, grid="x")  # type: ignore[arg-type]


def test_masked_pixels_are_invalid(model: sm.OpenModel) -> None:
    hidden = np.zeros(IMAGE.shape, bool)
    hidden[1, :10] = True  # one band of three
    masked = np.ma.masked_array(IMAGE, hidden)
    bands_first, bands_last = sm.predict(masked, model), sm.predict(np.moveaxis(masked, 0, 2), model)
    for found in (bands_first, bands_last):
        assert not found.valid[:10].any() and found.valid[10:].all()
    with_mask = sm.predict(masked, model, valid=np.arange(50)[None].repeat(40, 0) < 20)
    assert with_mask.valid.sum() == 30 * 20


def test_a_map_from_memory_is_a_tif_and_keeps_what_others_changed(model: sm.OpenModel, tmp_path: Path) -> None:
    found = sm.predict(IMAGE, model)
    with pytest.raises(OptionError, match=r"must end in \.tif"):
        found.to_raster(tmp_path / "map.jpg")
    path = tmp_path / "map.tif"
    found.to_raster(path)
    (tmp_path / "map.tif.aux.xml").unlink()  # another program writes the raster anew, and drops the mark
    before = path.read_bytes()
    with pytest.warns(sm.SmaltiWarning, match=r"kept as map\.tif\.changed-1"):
        found.to_raster(path)
    assert (tmp_path / "map.tif.changed-1").read_bytes() == before


def test_results_are_frozen_and_an_open_model_travels(model: sm.OpenModel) -> None:
    found = sm.predict(IMAGE, model)
    with pytest.raises(FrozenInstanceError):
        found.classes = IMAGE[0]  # type: ignore[misc]
    again = copy.deepcopy(model)  # goes the way of another process
    assert (sm.predict(IMAGE, again).classes == found.classes).all() and again.sha256 == model.sha256


def test_changes_of_a_recipe_are_values_of_toml() -> None:
    sources = [{"kind": "folder", "path": [Path("a") / "b"], "weight": 2}]
    changes = {"data.train": sources, "train.compile": True, "optim.lr": 1e-3, "card.name": 'a "b"'}
    assert as_settings(changes) == (
        'data.train=[{"kind" = "folder", "path" = ["a/b"], "weight" = 2}]',
        "train.compile=true",
        "optim.lr=0.001",
        'card.name="a \\"b\\""',
    )
    with pytest.raises(OptionError, match="None cannot be a setting"):
        as_settings({"train.steps": None})
