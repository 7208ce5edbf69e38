"""A training that goes on: by the same data, or told; and its best checkpoint by what counts now."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from smalti.errors import DataError, RecipeError
from smalti.training.checkpoint import load_checkpoint, load_state, save_state
from smalti.training.loop import Training, begin
from smalti.training.recipe import read_recipe
from smalti.training.sweep import plan
from smalti.workflows.training_run import train_variants
from tests.training.tiny import write_tiny

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # TensorBoard's own
    pytest.mark.slow,  # each begins with a training
]


def start(recipe: Path, folder: Path, *changes: str, resume: bool = False) -> Training:
    read = read_recipe(recipe, changes)
    return begin(read, read.make_card(recipe.name), folder, resume=resume)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Where each test finds a training, and a copy of it that no test changes."""
    folder, kept = tmp_path_factory.mktemp("trained"), tmp_path_factory.mktemp("kept")
    start(write_tiny(folder), folder / "run", "train.ema=0").run(lambda text: None)
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    return folder, kept


@pytest.fixture
def trained(places: tuple[Path, Path]) -> Path:
    """A folder with a recipe, its data, other ones of the same kind, and a training in `run`."""
    folder, kept = places
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    return folder


def swap(image: Path) -> None:
    """Another image of the same size, in the same file."""
    with Image.open(image) as file:
        pixels = np.asarray(file)
    Image.fromarray(255 - pixels).save(image)


def again(trained: Path, *changes: str, resume: bool = False) -> tuple[Training, str]:
    training = start(trained / "tiny.toml", trained / "run", "train.ema=0", *changes, resume=resume)
    said: list[str] = []
    training.run(said.append)
    return training, "".join([*training.notes, *said])


def kept_score(training: Training, name: str) -> float:
    """The score of the checkpoint in `best` on the data of a training."""
    model = training.mean.module
    model.load_state_dict(load_checkpoint(training.folder / "best")[1])
    return training.work.validate(model)[name]


def test_nothing_is_scored_anew_where_nothing_has_changed(trained: Path) -> None:
    before = (trained / "run/last/state.pt").read_bytes()
    training, said = again(trained, "train.workers=2", "data.memory_mb=0")
    assert "anew" not in said and "changed" not in said and training.progress.step == 4
    assert (trained / "run/last/state.pt").read_bytes() == before


def test_another_score_that_chooses_is_taken_anew(trained: Path) -> None:
    training, said = again(trained, 'train.select="oa"', resume=True)
    assert "scored again" in said
    assert training.progress.best == pytest.approx(kept_score(training, "oa"))
    assert "best oa on" in load_checkpoint(trained / "run/best")[0].origin.chosen
    assert "anew" not in again(trained, 'train.select="oa"')[1]  # once is enough


def test_validation_by_other_labels_chooses_anew(trained: Path) -> None:
    shutil.copytree(trained / "validation", trained / "other")
    mask = trained / "other/masks/0.png"
    with Image.open(mask) as file:
        truth = np.asarray(file)
    Image.fromarray(1 - truth).save(mask)
    before = load_state(trained / "run/last")
    assert before is not None
    training, said = again(trained, 'data.validation.0.path=["other"]', "train.steps=6", resume=True)
    assert "scored again" in said and "data.validation has changed since (1 image then, 1 now)" in said
    assert training.progress.best != before["progress"]["best"]
    assert training.progress.best == pytest.approx(kept_score(training, "miou"))


@pytest.mark.parametrize("part", ["train", "validation"])
def test_data_that_have_changed_are_not_those_of_a_finished_training(trained: Path, part: str) -> None:
    swap(trained / part / "images/0.png")
    with pytest.raises(DataError, match=rf"run: data\.{part} has changed since .* or --resume") as error:
        again(trained)
    assert "\n" not in str(error.value)
    assert f"data.{part} has changed since" in again(trained, resume=True)[1]
    steps = again(trained, "train.steps=6", resume=True)[0].progress.step
    assert steps == 6 and "changed" not in again(trained, "train.steps=6")[1]  # these are its data from now on


def test_a_label_or_an_image_more_is_a_change_too(trained: Path) -> None:
    for kind in ("images", "masks"):
        shutil.copy(trained / f"validation/{kind}/0.png", trained / f"validation/{kind}/1.png")
    with pytest.raises(DataError, match=r"data\.validation has changed since \(1 image then, 2 now\)"):
        again(trained)


def test_moved_data_are_the_same(trained: Path) -> None:
    shutil.move(trained / "validation", trained / "elsewhere")
    _, said = again(trained, 'data.validation.0.path=["elsewhere"]', resume=True)
    assert "changed" not in said


def test_a_training_of_before_says_nothing_of_its_data(trained: Path) -> None:
    state = load_state(trained / "run/last")
    assert state is not None
    del state["data"], state["selection_digest"]
    torch.save(state, trained / "run/last/state.pt")
    assert "scored again" in again(trained)[1]


def test_scores_of_finished_variants_are_those_of_these_data(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    arguments = (recipe, ("train.steps=2",), plan(["train.ema=0"], []), tmp_path / "runs")
    train_variants(*arguments)
    train_variants(*arguments)
    swap(tmp_path / "validation/images/0.png")
    with pytest.raises(DataError, match=r"ema-0: data\.validation has changed since"):
        train_variants(*arguments)


def test_fewer_steps_than_were_made_are_refused(trained: Path) -> None:
    with pytest.raises(RecipeError, match=r"train\.steps 2: .*run has reached step 4; give more steps, or another"):
        again(trained, "train.steps=2", resume=True)


def test_a_training_by_another_version_is_refused(trained: Path) -> None:
    state = load_state(trained / "run/last")
    assert state is not None
    save_state(trained / "run/last", state | {"progress": state["progress"] | {"further": 1}})
    with pytest.raises(RecipeError, match="run: was trained by another version; give another --out"):
        again(trained)


@pytest.mark.parametrize("steps", [4, 6])
def test_a_best_checkpoint_that_was_removed_is_chosen_again(trained: Path, steps: int) -> None:
    shutil.rmtree(trained / "run/best")
    training, said = again(trained, f"train.steps={steps}", resume=True)
    assert "best is missing; a new one is chosen" in said
    assert training.progress.best_step == steps
    assert training.progress.best == pytest.approx(kept_score(training, "miou"))


@pytest.mark.parametrize("steps", [4, 6])
@pytest.mark.parametrize("name", ["card.json", "model.safetensors"])
def test_a_best_checkpoint_that_is_damaged_is_chosen_again_before_the_end(trained: Path, name: str, steps: int) -> None:
    (trained / "run/best" / name).write_bytes(b"")
    training, said = again(trained, f"train.steps={steps}", resume=True)
    assert "a new one is chosen from now on" in said and training.progress.best_step == steps
    load_checkpoint(trained / "run/best")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ('card.tasks.0.labels=["bright","dark"]', r"card\.tasks\.0 \(classes\) was dark, bright, is bright, dark now"),
        ('card.tasks.0.labels=["dark","light"]', r"card\.tasks\.0 \(classes\) was dark, bright, is dark, light now"),
        ("card.mean=[0.4, 0.4, 0.4]", r"card\.mean was .*0\.485.* is \(0\.4, 0\.4, 0\.4\) now"),
        ('card.bands=["blue","green","red"]', r"card\.bands was \('red', .* is \('blue', "),
    ],
)
def test_weights_learned_for_other_classes_or_pixels_are_not_gone_on_with(
    trained: Path, change: str, told: str
) -> None:
    bands = [f"data.{part}.0.bands=[3,2,1]" for part in ("train", "validation") if "bands" in change]
    with pytest.raises(RecipeError, match=rf"run: {told}.*give another --out, and train\.start") as error:
        again(trained, change, *bands, resume=True)
    assert "\n" not in str(error.value)


def test_a_best_checkpoint_that_is_scored_anew_gets_the_card_that_it_was_scored_by(trained: Path) -> None:
    again(trained, "card.overlap=4", resume=True)
    assert load_checkpoint(trained / "run/best")[0].overlap == 4


def test_an_image_of_the_same_size_and_time_is_noticed(trained: Path) -> None:
    path = trained / "validation/images/0.png"
    raw = path.with_suffix(".bmp")  # a format in which all images of one shape have as many bytes
    with Image.open(path) as file:
        file.save(raw)
    path.unlink()
    again(trained, resume=True)
    before = raw.stat()
    swap(raw)
    os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert raw.stat().st_size == before.st_size
    with pytest.raises(DataError, match=r"data\.validation has changed since"):
        again(trained)
