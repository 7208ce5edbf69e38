"""Public datasets as sources of a recipe."""

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from smalti.data.pixels.label_stats import census
from smalti.data.pixels.leakage import check_apart
from smalti.data.pixels.pool import Pool
from smalti.data.pixels.scored import scored_pairs
from smalti.data.pixels.sources import AnySource, DatasetSource, open_source
from smalti.datasets.registry import DATASETS
from smalti.errors import DataError, RecipeError
from smalti.tiling import Window
from smalti.training.kinds.pixels.prepare import open_split
from smalti.training.recipe import read_pixels
from smalti.workflows.dataset_texts import recipe_part
from tests.datasets.drawn import lay_out, small, truth

SPLIT = "\nkind = 'dataset'\nname = 'vaihingen'\npath = 'set'\nsplit = '{}'\n"


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Writes a recipe on a small Vaihingen and reads it."""
    monkeypatch.setitem(DATASETS, "vaihingen", small(DATASETS["vaihingen"]))
    lay_out(DATASETS["vaihingen"], tmp_path / "set")
    head = recipe_part(DATASETS["vaihingen"]).partition("[[data")[0]

    def write(validation="validation-5", test="test", more="", *changes):
        text = f"{head}\n[data]\nroot = '{tmp_path}'\n{more}\n"
        text += "".join(
            f"[[data.{part}]]{SPLIT.format(split)}"
            for part, split in (("train", "train"), ("validation", validation), ("test", test))
        )
        (tmp_path / "r.toml").write_text(text)
        return read_pixels(tmp_path / "r.toml", changes)

    return write


def test_windows_and_pairs_come_from_the_files_themselves(recipe):
    read = recipe()
    card = read.make_card("")
    split = open_split(read, card)
    [scenes] = split.train
    assert [scene.name for scene in scenes] == ["1", "3"]
    patch = scenes[0].read(Window(0, 0, 12, 21))
    assert np.array_equal(patch.targets["classes"], truth(DATASETS["vaihingen"])) and patch.image.shape == (12, 21, 3)
    window = Pool(scenes, "class").patch(np.random.default_rng(0), 8)
    assert window.targets["classes"].shape == (8, 8)
    assert census(scenes, card.tasks)["classes"].pixels.all()
    pair = split.validation[0]
    with_borders = pair.truth[card.tasks[0].name](pair.open_image().grid).read(Window(0, 0, 12, 21))
    assert np.array_equal(with_borders, truth(DATASETS["vaihingen"]))
    assert pair.open_others is not None and not pair.eroded


def test_eroded_labels_and_other_classes_on_request(recipe, tmp_path):
    read = recipe()
    card = read.make_card("")
    for path in tmp_path.glob("set/*_noBoundary.tif"):
        pixels = np.asarray(Image.open(path)).copy()
        pixels[:, 0] = 0
        Image.fromarray(pixels).save(path)
    fields = {"kind": "dataset", "name": "vaihingen", "path": "set", "split": "train", "borders": "eroded"}
    source = DatasetSource.model_validate(fields | {"classes": {"tree": "building"}})
    labels = open_source(source, tmp_path, card, card.tasks)[0].read(Window(0, 0, 1, 21)).targets["classes"]
    assert labels[0, [0, 1, 9]].tolist() == [255, 0, 1]
    [pair, *_], places = scored_pairs(source, tmp_path, card, card.tasks)
    assert pair.eroded and len(places) == 2


def test_a_part_meant_for_tests_chooses_nothing_unless_asked_for_by_name(recipe):
    with pytest.raises(RecipeError, match=r"test of vaihingen is meant for tests.*select_on_test = true"):
        recipe("test", "validation-5")
    read = recipe("test", "test", "select_on_test = true")
    assert "TEST images, as select_on_test allows" in read.judges
    split = open_split(read, read.make_card(""))  # the same images choose and are scored: allowed only so
    assert any("TEST images" in line for line in split.lines())
    assert recipe().judges == "the validation images"
    with pytest.raises(DataError, match="for training and for validation"):
        open_split(recipe("train", "test"), recipe("train", "test").make_card(""))


def test_names_that_are_unknown_stop_the_recipe(recipe):
    with pytest.raises(RecipeError, match=r"data\.validation\.0: vaihingen has no split 'tests'; did you mean test"):
        recipe("tests")
    with pytest.raises(RecipeError, match=r"unknown key data\.train\.0\.splits; did you mean split"):
        recipe("validation-5", "test", "", "data.train.0.splits=1")
    with pytest.raises(DataError, match="asks for red, green, blue"):
        read = recipe("validation-5", "test", "", 'card.bands=["red", "green", "blue"]')
        open_split(read, read.make_card(""))


def test_chips_of_one_file_are_places_of_their_own(tmp_path, monkeypatch):
    dataset = small(DATASETS["landcoverai"])
    monkeypatch.setitem(DATASETS, "landcoverai", dataset)
    lay_out(dataset, tmp_path)
    (tmp_path / "test.txt").write_text("10_1_2\n10_1_4\n")
    fields = {"kind": "dataset", "name": "landcoverai", "path": ".", "split": "test"}
    source = DatasetSource.model_validate(fields)
    card = recipe_card(dataset)
    scenes = open_source(source, tmp_path, card, card.tasks)
    assert [(scene.grid.height, scene.grid.width) for scene in scenes] == [(4, 4), (4, 4)]
    _, places = scored_pairs(source, tmp_path, card, card.tasks)
    _, others = scored_pairs(source.model_copy(update={"split": "train"}), tmp_path, card, card.tasks)
    check_apart(places, others, ("a", "b"))
    with pytest.raises(DataError, match="for a and for b"):
        check_apart(places, places, ("a", "b"))


def recipe_card(dataset):
    from smalti.card import Card

    return Card(name="t", net="ued", tasks=(dataset.task(),))


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_the_recipe_that_is_printed_is_one(dataset, tmp_path):
    text = recipe_part(dataset)
    if "[[data.validation]]" not in text:
        text += "\n[[data.validation]]\nkind = 'drawn'\nseeds = [1]\n"
    (tmp_path / "r.toml").write_text(text)
    assert read_pixels(tmp_path / "r.toml").data.train[0].name == dataset.name


def test_the_former_name_of_the_kind_is_read() -> None:
    fields = {"name": "vaihingen", "path": "set", "split": "train"}
    read = TypeAdapter(AnySource).validate_python
    assert read(fields | {"kind": "known"}) == read(fields | {"kind": "dataset"})
    assert read({"kind": "known"} | fields).kind == "dataset"
