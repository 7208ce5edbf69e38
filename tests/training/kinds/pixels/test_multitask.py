"""Trainings of several tasks of each pixel, on drawn scenes and tiny files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from smalti.errors import DataError, LabelError, RecipeError, SmaltiError
from smalti.runtime.models import find_model, verify
from smalti.training.checkpoint import load_state
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.loop import Training, begin
from smalti.training.model_file import ModelWeights
from smalti.training.recipe import open_work, read_recipe
from tests.training.descent import PLAIN, descend
from tests.training.kinds.pixels.tiny_tasks import RECIPE, write_tasks

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own


def start(recipe_path: Path, folder: Path, *changes: str) -> Training:
    recipe = read_recipe(recipe_path, changes)
    return begin(recipe, recipe.make_card("tasks.toml"), folder)


def work(recipe_path: Path, *changes: str) -> PixelWork:
    recipe = read_recipe(recipe_path, changes)
    opened = open_work(recipe, recipe.make_card("tasks.toml"))
    assert isinstance(opened, PixelWork)
    return opened


def silent(text: str) -> None: ...


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nobody disturbed, and its recipe."""
    folder = tmp_path_factory.mktemp("undisturbed")
    start(write_tasks(folder), folder / "run", "balance.name=uncertainty").run(silent)
    return folder


@pytest.mark.slow
def test_a_killed_training_of_several_tasks_ends_with_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    changes = ("balance.name=uncertainty",)
    killed = start(whole / "tasks.toml", tmp_path, *changes)

    def kill(text: str) -> None:
        if killed.progress.step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        killed.run(kill)
    resumed = start(whole / "tasks.toml", tmp_path, *changes, "train.workers=2")
    assert resumed.progress.step == 2
    resumed.run(silent)
    for part in ("best", "last"):
        name = f"{part}/model.safetensors"
        assert (whole / "run" / name).read_bytes() == (tmp_path / name).read_bytes()
    states = [load_state(run / "last") for run in (whole / "run", tmp_path)]
    assert states[0] is not None and states[1] is not None
    assert all(torch.equal(value, states[1]["model"][name]) for name, value in states[0]["model"].items())


def test_records_and_conclusion_speak_of_every_task(whole: Path) -> None:
    head = (whole / "run" / "records.csv").read_text().splitlines()[0].split(",")
    wanted = {"loss/cover/cross_entropy", "loss/height/berhu", "loss/edges/cross_entropy", "validation/mean"}
    assert wanted | {"validation/cover/miou", "validation/height/rmse", "validation/edges/iou_edge"} <= set(head)
    found = work(whole / "tasks.toml").conclude(whole / "run" / "best")
    assert {"validation/mean", "validation/height/delta1"} <= found.scores.keys()
    main = [found.scores[f"validation/{name}"] for name in ("cover/miou", "height/delta1", "edges/miou")]
    assert found.scores["validation/mean"] == pytest.approx(np.mean(main))
    assert "height in m" in found.text and "no edge" in found.text


def test_an_update_lowers_the_loss_of_heights_as_its_gradient_promises(tmp_path: Path) -> None:
    still = (
        "augment.preset=none",
        "augment.rotate=0",
        "train.crop=64",
        "data.train.0.size=64",
        "data.train.0.seeds=[8]",
    )
    training = start(
        write_tasks(tmp_path),
        tmp_path / "run",
        *still,
        "train.batch=1",
        "net.sharing=shared",
        "card.tasks.1.loss={l1=1}",
        *PLAIN,
    )
    batch = next(training.work.batches(0))
    truth = batch["targets"]["height"]
    assert truth.isfinite().all() and truth.max() > 2
    promised, seen = descend(training, batch)
    assert seen == pytest.approx(promised, rel=0.2)


def test_edges_are_made_of_the_classes_and_unlabelled_tasks_have_no_term(whole: Path) -> None:
    tasks = work(whole / "tasks.toml")
    batch = tasks.stream.batch(0, 2)
    assert list(batch["targets"]) == ["cover", "height"]
    terms = tasks.terms(tasks.model, batch)
    assert list(terms) == ["cover/cross_entropy", "height/berhu", "edges/cross_entropy"]
    batch["targets"]["cover"] = torch.full_like(batch["targets"]["cover"], 255)
    assert list(tasks.terms(tasks.model, batch)) == ["height/berhu"]
    batch["valid"] = torch.zeros_like(batch["valid"])
    assert tasks.terms(tasks.model, batch) == {}


def test_where_classes_say_so_an_unknown_value_is_zero(whole: Path) -> None:
    tasks = work(whole / "tasks.toml", 'card.tasks.1.zero={cover=["water", "road"]}')
    nan, seen = float("nan"), {}
    targets = {
        "cover": torch.tensor([[[0, 1, 1, 4, 255, 2]]]),
        "height": torch.tensor([[[nan, nan, 7, nan, nan, nan]]]),
    }
    batch = {"image": torch.zeros(1, 3, 1, 6), "targets": targets, "valid": torch.ones(1, 1, 6, dtype=torch.bool)}
    tasks._losses["height"] = lambda outputs, given, valid: seen.update(given) or {}
    tasks.terms(lambda image: {task.name: torch.zeros(1, task.channels, 1, 6) for task in tasks.card.tasks}, batch)
    expected = torch.tensor([[[nan, 0, 7, 0, nan, nan]]])
    torch.testing.assert_close(seen["height"], expected, equal_nan=True)


FOLDER = """
[[data.train]]
kind = "folder"
path = ["town"]
also.height = { name = "ndsm", values = { scale = 0.1 } }
"""


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """Images with masks and heights in decimetres."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks", "ndsm"):
        (tmp_path / "town" / kind).mkdir(parents=True)
    for number in range(2):
        classes = rng.integers(0, 5, (40, 48)).astype(np.uint8)
        Image.fromarray(rng.integers(0, 255, (40, 48, 3)).astype(np.uint8)).save(tmp_path / f"town/images/{number}.png")
        Image.fromarray(classes).save(tmp_path / f"town/masks/{number}.png")
        Image.fromarray((classes * 20).astype(np.uint8)).save(tmp_path / f"town/ndsm/{number}.png")
    return tmp_path


def on_files(folder: Path, train: str = FOLDER) -> Path:
    """The recipe with another training part."""
    head, _, rest = RECIPE.partition("[[data.train]]")
    _, validation, rest = rest.partition("[[data.validation]]")
    return write_tasks(folder, head + f"root = '{folder}'\n" + train + validation + rest)


def test_a_folder_labels_several_tasks(town: Path) -> None:
    tasks = work(on_files(town))
    targets = tasks.stream.batch(0, 4)["targets"]
    known = targets["cover"] != 255
    assert known.any() and torch.equal(known, targets["height"].isfinite())
    assert torch.equal(targets["height"][known], (targets["cover"][known] * 2).float())


def test_different_tasks_come_from_different_sources(town: Path) -> None:
    train = """
[[data.train]]
kind = "folder"
path = ["town"]
[[data.train]]
kind = "drawn"
seeds = [1]
size = 64
tasks = ["height"]
"""
    tasks = work(on_files(town, train))
    patches = [tasks.stream.patch(number) for number in range(12)]
    assert 0 < sum(patch.name.startswith("drawn") for patch in patches) < 12
    for patch in patches:
        height = patch.name.startswith("drawn")
        assert np.isnan(patch.targets["height"]).all() != height
        assert (patch.targets["cover"] == 255).all() == height
    assert "height/berhu" in tasks.terms(tasks.model, tasks.stream.batch(0, 12))


def spoil(town: Path, kind: str, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(town / "town" / kind / "1.png")


@pytest.mark.parametrize(
    ("kind", "pixels", "error", "words"),
    [
        ("masks", np.full((40, 48), 7, np.uint8), LabelError, r"masks/1\.png: unknown class value 7 in 1920 pixels"),
        ("masks", np.zeros((40, 47), np.uint8), LabelError, r"masks/1\.png: the labels have 47x40 pixels"),
        ("ndsm", np.zeros((41, 48), np.uint8), LabelError, r"ndsm/1\.png: the labels have 48x41 pixels"),
        ("ndsm", np.full((40, 48), 60000, np.uint16), LabelError, r"ndsm/1\.png: height is 6000 m at row 0, column 0"),
    ],
)
def test_files_that_cannot_be_used_are_told_before_the_first_step(
    town: Path, kind: str, pixels: np.ndarray, error: type[SmaltiError], words: str
) -> None:
    spoil(town, kind, pixels)
    with pytest.raises(error, match=words):
        work(on_files(town))


def test_a_source_or_a_task_without_a_label_is_refused(town: Path) -> None:
    with pytest.raises(DataError, match=r"^data\.train: no source has a label of height; add one"):
        work(on_files(town, FOLDER.partition("also")[0]))
    for number in range(2):
        Image.new("L", (48, 40), 255).save(town / f"town/masks/{number}.png")
    with pytest.raises(DataError, match=r"^0\.png and 1 more: no pixel has a label of cover; give the encoding"):
        work(on_files(town, FOLDER.partition("also")[0]))
    (town / "town/ndsm/1.png").unlink()
    with pytest.raises(DataError, match=r"images without labels: 1\.png"):
        work(on_files(town))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            ["net.sharing=afa", 'net.options.isolation="ratio"', "balance.name=pcgrad"],
            r"isolation 'ratio' needs all losses in one backward pass, but balance pcgrad makes one per task",
        ),
        (["card.tasks.1.name=cover"], r"card\.tasks: two tasks have the name 'cover'"),
        (["card.tasks.2.of=height"], r"card\.tasks: edges is of 'height', which is not a task of classes"),
        (['card.tasks.1.zero={cover=["lawn"]}'], r"card\.tasks: height is zero where cover is 'lawn': no such class"),
        (['card.tasks.1.zero={edges=["edge"]}'], r"height is zero where edges is 'edge': no such class"),
        (["card.tasks.0.name=a/b"], r"card\.tasks\.0\.name"),
        (["net.sharing=half"], r"net: unknown sharing scheme 'half'; expected one of separate"),
        (["net.decoder=half"], r"net: unknown decoder 'half'; expected one of ued"),
        (["net.options.sharing=afa"], r"net: options: sharing is a key of \[net\] itself"),
        (["card.tasks.0.loss.edge=1"], r"card\.tasks\.0\.loss: edge needs a head"),
        (["card.tasks.1.loss.dice=1"], r"unknown key card\.tasks\.1\.loss\.dice; did you mean"),
        (["card.tasks.1.unot=m"], r"unknown key card\.tasks\.1\.unot; did you mean unit"),
        (
            ["card.tasks.1.weight=2", "balance.name=dwa"],
            r"task height has a weight, but balance dwa sets weights itself",
        ),
        (["balance.name=halves"], r"balance\.name: unknown balance 'halves'; expected one of equal"),
    ],
)
def test_contradictions_are_told_when_the_recipe_is_read(tmp_path: Path, changes: list[str], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        read_recipe(write_tasks(tmp_path), changes)


def test_a_source_that_names_an_unknown_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a source names the unknown task 'depth'; expected one of cover, height$"):
        work(write_tasks(tmp_path), "data.train.0.tasks=['depth']")


def test_depths_are_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the height in m, .*; the card has depth in m, 3 bands"):
        text = RECIPE.replace('"height"', '"depth"').replace("seeds = [1]", "seeds = [1]\ntasks = ['depth']")
        work(write_tasks(tmp_path, text))


def single(folder: Path, keep: int, *changes: str) -> Path:
    """The checkpoint of a task that was trained alone."""
    tasks = RECIPE.split("[[card.tasks]]")[1:4]
    tasks[2], rest = tasks[2].split("[net]")
    text = RECIPE.split("[[card.tasks]]")[0] + "[[card.tasks]]" + tasks[keep] + "[net]" + rest
    recipe = write_tasks(folder, text.replace("cross_stitch", "shared"))
    start(recipe, folder / "alone", "train.steps=1", *changes).run(silent)
    return folder / "alone" / "best"


def test_a_task_that_was_trained_alone_fills_its_branch(tmp_path: Path) -> None:
    alone = single(tmp_path, 1)
    tasks = work(write_tasks(tmp_path), f"card.tasks.1.init={alone}")
    told = [text for text in tasks.introduction() if "copied" in text]
    assert len(told) == 1 and told[0].startswith("from init of task height: ")
    one = read_recipe(tmp_path / "tasks.toml")
    assert one.make_card("").tasks[1].minimum == 0
    with pytest.raises(
        RecipeError, match=r"init of cover: .* has the tasks height \(height in m\), expected only cover \(5 classes\)"
    ):
        work(tmp_path / "tasks.toml", f"card.tasks.0.init={alone}")


def test_a_model_by_name_fills_a_branch(tmp_path: Path) -> None:
    changes = ("card.tasks.0.init=landcover", "net.encoder=mobilenetv2_tf", "net.width=1", "net.sharing=shared")
    tasks = work(write_tasks(tmp_path), *changes)
    assert any(text.startswith("from init of task cover: ") for text in tasks.introduction())
    mine, theirs = tasks.model.state_dict(), ModelWeights(verify(find_model("landcover"))).unfolded(tasks.images())
    first = "stages.0.0.conv.weight"
    assert torch.equal(mine[f"net.encoder.0.{first}"], theirs[f"net.encoder.{first}"])
    with pytest.raises(RecipeError, match=r"init of cover: town has the tasks landcover .*, expected only cover"):
        work(tmp_path / "tasks.toml", "card.tasks.0.init=town")
    with pytest.raises(RecipeError, match=r"init of cover: twon is neither a folder nor the name of a model"):
        work(tmp_path / "tasks.toml", "card.tasks.0.init=twon")


def test_a_checkpoint_of_other_tasks_does_not_start_a_training(whole: Path, tmp_path: Path) -> None:
    text = RECIPE.replace('name = "edges"', 'name = "borders"')
    with pytest.raises(SmaltiError, match=r"its tasks are cover, height, edges, .* are cover, height, borders"):
        start(write_tasks(tmp_path, text), tmp_path / "run", f"train.start={whole / 'run' / 'best'}")
