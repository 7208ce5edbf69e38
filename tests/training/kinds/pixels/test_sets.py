"""Several sources whose labels decide between other classes each, in one training."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smalti.errors import DataError, LabelError, RecipeError
from smalti.evaluation import evaluate
from smalti.label_sets import set_ids
from smalti.training.kinds.pixels.census import CONSEQUENCE, UNDECIDED
from smalti.training.kinds.pixels.work import PixelWork, zeroed
from smalti.training.predict import TorchPredictor
from smalti.training.recipe import open_work, read_recipe

RECIPE = """
[card]
name = "sets"
tile = 32
overlap = 8
[[card.tasks]]
name = "cover"
labels = ["land", "water", "building", "road"]
[net]
width = 0.25
[loss]
light = 1.0
dice = 1.0
[net.options]
[data]
root = "{root}"
absent = ["*"]
[[data.train]]
path = ["roofs"]
labels.ids = {{ 1 = "building", 0 = ["land", "water", "road"] }}
[[data.train]]
path = ["shores"]
labels.ids = {{ 1 = "water", 2 = ["land", "road"] }}
by = "class"
[[data.validation]]
path = ["other"]
labels.ids = {{ 1 = "building", 0 = ["land", "water", "road"] }}
[train]
steps = 2
batch = 2
crop = 32
epoch_steps = 1
threads = 1
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for place, values in (("roofs", (0, 1)), ("shores", (1, 2)), ("other", (0, 1))):
        truth = rng.choice(values, (5, 6)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        truth[:8, :16] = values[0], *values[1:] * 15
        for kind, array in (("images", (truth[..., None] * 90 + rng.integers(0, 40, (40, 48, 3)))), ("masks", truth)):
            (tmp_path / place / kind).mkdir(parents=True)
            Image.fromarray(array.astype(np.uint8)).save(tmp_path / place / kind / "0.png")
    path = tmp_path / "sets.toml"
    path.write_text(RECIPE.format(root=tmp_path).replace("width = 0.25", 'name = "ued_bes"\nwidth = 0.25'))
    return path


def opened(path: Path, *changes: str) -> PixelWork:
    settings = read_recipe(path, changes)
    work = open_work(settings, settings.make_card(path.name))
    assert isinstance(work, PixelWork)
    return work


def test_sources_that_decide_between_other_classes_train_one_net(recipe: Path) -> None:
    work = opened(recipe)
    [task] = work.recipe.labelled(work.card)
    assert task.sets == ((0, 1, 3), (0, 3))
    batches = work.batches(0)
    seen = {int(i) for _ in range(4) for i in next(batches)["targets"]["cover"].unique()}
    batches.close()
    assert {1, 2, *set_ids(task)} <= seen
    batch = next(work.batches(0))
    terms = work.terms(work.model, batch)
    assert set(terms) == {"cross_entropy", "edge", "boundary_relaxation", "dice"}
    sum(terms.values()).backward()
    assert all(p.grad.isfinite().all() for p in work.model.parameters() if p.grad is not None)
    scores = work.validate(work.model)
    assert "iou_building" in scores
    assert "iou_road" not in scores  # allowed, but no label is a road
    assert 0 <= scores["rightness"] <= 1
    assert work.selectable == ("miou", "mf1", "oa", "rightness")
    assert "rightness" in work.report(scores)


def test_a_card_knows_nothing_of_sets(recipe: Path) -> None:
    assert all(not task.sets for task in opened(recipe).card.tasks)


def test_a_source_that_decides_nothing_is_told_with_its_numbers(recipe: Path) -> None:
    change = 'data.train.1.labels.ids={1 = ["water", "land"], 2 = ["land", "road"]}'
    with pytest.raises(DataError, match=r"no pixel has a class of its own, only sets of them; use by = 'area'"):
        opened(recipe, change)
    [line] = [line for line in opened(recipe, change, "data.train.1.by=area").warnings() if "data.train.1" in line]
    path = recipe.parent / "shores" / "masks" / "0.png"
    with Image.open(path) as file:
        ones = int((np.asarray(file) == 1).sum())
    assert line == (
        f"data.train.1: no pixel of 0.png has one class of cover: {ones:,} are land or water, "
        f"{40 * 48 - ones:,} are land or road, 0 are ignored; it teaches only what is not there"
    )


def test_classes_that_are_only_allowed_are_not_certain(recipe: Path) -> None:
    with pytest.raises(DataError, match=r"^data\.train: no pixel is certainly land or road"):
        opened(recipe, "data.absent=[]")


def test_classes_that_validation_labels_only_allow_are_told_apart_from_missing_ones(recipe: Path) -> None:
    lines = [line for line in opened(recipe).warnings() if "validation" in line]
    assert lines == ["no validation image has a certain pixel of land, water, road: " + UNDECIDED]
    lines = opened(recipe, 'data.validation.0.labels.ids={1 = "building", 0 = ["land", "water"]}').warnings()
    assert f"no validation image has a certain pixel of land, water: {UNDECIDED}" in lines
    assert "no validation image has a pixel of road: " + CONSEQUENCE["validation"] in lines


def test_the_default_encoder_is_not_called_none(recipe: Path) -> None:
    assert opened(recipe).introduction()[0].startswith("sets: ued_bes, ")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ('data.train.1.labels.ids={1 = "water", 2 = ["land", "raod"]}', LabelError,
         r"^data\.train\.1\.labels\.ids\.2: 'raod' is not a class; .*; did you mean road\?$"),
        ('data.train.1.labels.ids={1 = "watr", 2 = ["land", "road"]}', LabelError,
         r"^data\.train\.1\.labels\.ids\.1: 'watr' is not a class; .*; did you mean water\?$"),
        ('data.train.1.labels.colors={"#fff" = "water"}', RecipeError,
         r"data\.train\.1\.labels: '#fff' is not a colour; write it as #RRGGBB$"),
        ("data.train.1.labels.ids={1 = [], 2 = 0}", RecipeError,
         r"data\.train\.1\.labels\.ids\.1: an empty set of classes"),
        ('data.train.1.labels.ids={1 = "water", "01" = "land"}', RecipeError,
         r"data\.train\.1\.labels: ids: '1' and '01' are one; state its class once"),
    ],
)  # fmt: skip
def test_bad_sets_are_told_in_one_line(recipe: Path, change: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as found:
        opened(recipe, change)
    assert "\n" not in str(found.value)


def test_heights_are_0_where_every_allowed_class_is_ground(recipe: Path) -> None:
    import torch

    work = opened(recipe)
    [task] = work.recipe.labelled(work.card)
    ids = torch.tensor([[[0, 2, *set_ids(task)]]])
    values = zeroed(torch.full_like(ids, torch.nan, dtype=torch.float32), ids, task, ("land", "road"))
    assert values.isnan().tolist() == [[[False, True, True, False]]]


def test_unseen_places_are_the_test(recipe: Path) -> None:
    work = opened(recipe, 'data.unseen=["shores"]')
    assert [len(scenes) for scenes in work.split.scenes["train"]] == [1, 0]
    assert [pair.place for pair in work.split.test] == ["shores"]
    assert [pair.place for pair in work.split.validation] == ["other"]
    with pytest.raises(DataError, match=r"data\.unseen: no image is of 'shore'; there are roofs, shores"):
        opened(recipe, 'data.unseen=["shore"]')
    with pytest.raises(DataError, match=r"no image is left for data\.validation; leave out fewer places"):
        opened(recipe, 'data.unseen=["other"]')


def test_a_source_takes_some_of_its_places(recipe: Path) -> None:
    changes = ('data.train.0.path=["roofs", "shores"]', 'data.train.0.places=["roofs"]', "data.train.0.place=^[a-z]+")
    assert [len(scenes) for scenes in opened(recipe, *changes).split.scenes["train"]] == [1, 1]
    with pytest.raises(DataError, match="no image of a source is of the place 'hills'; there are roofs, shores"):
        opened(recipe, *changes, 'data.train.0.places=["hills"]')
    with pytest.raises(RecipeError, match=r"place '\(' is not a regular expression"):
        opened(recipe, "data.train.0.place=(")


def test_labels_made_by_rules_are_declared(recipe: Path) -> None:
    for place in ("roofs", "other"):
        (recipe.parent / place / "nir").mkdir()
        with Image.open(recipe.parent / place / "images" / "0.png") as file:
            Image.fromarray(255 - np.asarray(file)[..., 0]).save(recipe.parent / place / "nir" / "0.png")
    ndvi = '{threshold = 0.3, above = "road", below = ["land", "water"]}'
    weak = f'{{path = ["PLACE"], weak = {{nir = "nir", ndvi = {ndvi}}}}}'
    work = opened(recipe, f"data.train.0={weak.replace('PLACE', 'roofs')}",
                  f"data.validation.0={weak.replace('PLACE', 'other')}")  # fmt: skip
    rule = "NDVI above 0.3 is road, below 0.3 is land or water"
    assert f"weak labels data.train.0: {rule}" in work.introduction()
    [result] = evaluate(TorchPredictor(work.model), work.split.validation)
    lines = dict(result.protocol.lines())
    assert lines["weak labels"] == f"made by rules, not by people, of 1 image: {rule}"
    assert "land or water" in lines["decided"]
