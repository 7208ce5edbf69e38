"""Self-training: what the teacher labels, what the student learns, and that a resumed training is the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from smalti.card import Task
from smalti.data.pixels.sample import Views
from smalti.errors import DataError, RasterError, RecipeError, SmaltiError
from smalti.label_sets import id_of, with_sets
from smalti.training.checkpoint import load_state
from smalti.training.kinds.pixels.self_training import Pseudo, SelfTraining, class_mixed
from smalti.training.kinds.pixels.unlabelled import UnlabelledSettings
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.loop import Training, begin
from smalti.training.recipe import open_work, read_recipe
from tests.training.tiny import write_tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own

TASK = with_sets(Task(name="cover", labels=("land", "water", "road")), [(0, 1)])
SURE = 20.0
"""A logit that makes a class certain."""


class Fixed(nn.Module):
    """A teacher with given logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"cover": self.logits}


def views_of(labels: Tensor, *, valid: Tensor | None = None) -> Views:
    """Windows of one band whose strong view is the weak one plus 100."""
    count, height, width = labels.shape
    weak = torch.arange(labels.numel(), dtype=torch.float32).view(count, 1, height, width)
    return Views(
        weak=weak, strong=weak + 100, labels=labels, valid=torch.ones_like(labels).bool() if valid is None else valid,
        order=torch.tensor([[0.1, 0.2, 0.3]]).repeat(count, 1), chance=torch.ones(count), names=["x"] * count,
    )  # fmt: skip


def self_training(logits: Tensor, **settings: Any) -> SelfTraining:
    plain = {"classmix": 0, "rampup": 0, "share": 1.0, "confidence": (0.9, 0.9)}
    found = SelfTraining(UnlabelledSettings.model_validate(plain | settings), TASK, accumulate=1)
    found.teacher = Fixed(logits)
    return found


def test_pseudo_labels_are_sure_valid_and_within_what_labels_allow() -> None:
    logits = torch.zeros(2, 3, 1, 4)
    logits[:, 2] = SURE  # a road everywhere
    logits[0, :, 0, 1] = torch.tensor([0.2, 0.1, 0.0])  # not sure
    logits[1, 1] = SURE / 2  # where no road can be: water
    labels = torch.full((2, 1, 4), TASK.ignore)
    labels[1, 0, 1], labels[1, 0, 2] = id_of(TASK, (0, 1)), 0
    valid = torch.ones(2, 1, 4, dtype=torch.bool)
    valid[0, 0, 3] = False
    found = self_training(logits)
    pseudo = found.pseudo(views_of(labels, valid=valid))
    assert pseudo.classes[1, 0].tolist() == [2, 1, 0, 2]
    assert pseudo.sure[:, 0].tolist() == [[True, False, True, False], [True] * 4]
    assert torch.equal(pseudo.image, views_of(labels)["strong"])
    # The pixel whose label decides is no choice of the teacher, and the invalid one counts nowhere.
    assert found.noted == pytest.approx({"confident": 5 / 6, "confident/land": 0, "confident/water": 1,
                                         "confident/road": 1})  # fmt: skip


def test_the_loss_is_cross_entropy_over_all_valid_pixels_with_a_rising_weight() -> None:
    logits = torch.randn(2, 3, 1, 4, generator=torch.Generator().manual_seed(0))
    teacher = torch.zeros(2, 3, 1, 4)
    teacher[:, 1, :, :3] = SURE
    found = self_training(teacher, rampup=4, weight=2.0)
    pseudo = found.pseudo(views_of(torch.full((2, 1, 4), TASK.ignore)))
    terms = [found.term(logits, pseudo).item() for _ in range(6)]
    whole = -logits.log_softmax(1)[:, 1, :, :3].sum().item() / 8
    assert terms == pytest.approx([2 * whole * min(1, k / 4) for k in range(6)], rel=1e-5)


def test_classes_of_another_window_are_pasted_with_their_pseudo_labels() -> None:
    classes = torch.tensor([[[0, 0, 1, 2]], [[1, 1, 1, 1]]])
    sure = torch.tensor([[[True, False, True, True]], [[True, True, False, False]]])
    valid = torch.tensor([[[True, True, True, True]], [[True, True, True, False]]])
    image = torch.arange(8.0).view(2, 1, 1, 4)
    order = torch.tensor([[0.1, 0.9, 0.2], [0.5, 0.5, 0.5]])
    mixed = class_mixed(Pseudo(image, classes, sure, valid), order, torch.tensor([False, True]))
    assert torch.equal(mixed.image[0], image[0])
    # Of the first window's three classes two are pasted into the second: those with the smallest numbers, 0 and 2.
    assert mixed.image[1].flatten().tolist() == [0, 1, 6, 3]
    assert mixed.classes[1].flatten().tolist() == [0, 0, 1, 2]
    assert mixed.sure[1].flatten().tolist() == [True, False, False, True]
    assert mixed.valid[1].all()
    both = class_mixed(Pseudo(image, classes, sure, valid), order, torch.tensor([True, True]))
    assert both.image[0].flatten().tolist() == [4, 5, 6, 3]  # the second window's one class, where it is valid


def write_recipe(folder: Path, more: str = "") -> Path:
    """A tiny recipe with three images without labels."""
    recipe = write_tiny(folder)
    rng = np.random.default_rng(3)
    (folder / "more").mkdir()
    for number in range(3):
        pixels = rng.integers(20, 220, (5, 6, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(folder / "more" / f"{number}.png")
    text = recipe.read_text().replace("[augment]", '[[data.unlabelled]]\npath = ["more"]\n[augment]')
    recipe.write_text(text + "[unlabelled]\nbatch = 2\nrampup = 2\nconfidence = [0.4, 0.9]\n" + more)
    return recipe


def start(recipe: Path, out: Path, *changes: str) -> Training:
    settings = read_recipe(recipe, changes)
    return begin(settings, settings.make_card(recipe.name), out)


def silent(text: str) -> None: ...


def opened(recipe: Path, *changes: str) -> PixelWork:
    settings = read_recipe(recipe, changes)
    work = open_work(settings, settings.make_card(recipe.name))
    assert isinstance(work, PixelWork)
    return work


def test_a_killed_training_ends_with_the_same_weights_and_thresholds(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    start(recipe, tmp_path / "whole").run(silent)
    killed = start(recipe, tmp_path / "killed")

    def kill(text: str) -> None:
        if killed.progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed.run(kill)
    resumed = start(recipe, tmp_path / "killed")
    assert 0 < resumed.progress.step < 4
    resumed.run(silent)
    for part in ("best", "last"):
        files = [tmp_path / run / part / "model.safetensors" for run in ("whole", "killed")]
        assert files[0].read_bytes() == files[1].read_bytes()
    states = [load_state(tmp_path / run / "last") for run in ("whole", "killed")]
    assert states[0] is not None and states[1] is not None
    ours, theirs = (state["self_training"] for state in states)
    assert ours["batches"] == theirs["batches"] == 4
    assert torch.equal(ours["thresholds"]["counts"], theirs["thresholds"]["counts"])
    assert ours["thresholds"]["counts"].sum() > 0
    rows = [line.split(",") for line in (tmp_path / "whole" / "records.csv").read_text().splitlines()]
    assert {"loss/unlabelled", "confident"} <= set(rows[0])
    assert any(name.startswith("confident/") for name in rows[0])
    last = dict(zip(rows[0], rows[-1], strict=True))
    assert float(last["loss/unlabelled"]) > 0 and 0 < float(last["confident"]) <= 1


def test_the_term_is_there_and_the_start_says_what_is_learned(tmp_path: Path) -> None:
    work = opened(write_recipe(tmp_path))
    assert work.self_training is not None
    work.self_training.teacher = work.model.eval()
    batch = next(work.batches(0))
    assert len(work.names(batch)) == 4 and work.names(batch)[-1].endswith("(without labels)")
    terms = work.terms(work.model.train(), batch)
    assert set(terms) == {"cross_entropy", "unlabelled"}
    [line] = [line for line in work.introduction() if line.startswith("unlabelled")]
    assert line == (
        "unlabelled  3 images, 0.0 MPix; 2 windows per batch; pseudo-labels for the surest 60% of each class, "
        "thresholds 0.4 to 0.9, 50% mixed by classes; weight 1 after 2 steps"
    )
    assert set(work.identity) == {"train", "validation", "unlabelled"}


def test_a_batch_depends_on_its_number_and_its_weak_view_has_the_colours_of_the_image(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    first, again = (opened(recipe, "augment.scale=[1,1]", "augment.rotate=0") for _ in range(2))
    ours, theirs = (work.stream.batch(5, 2)["views"] for work in (first, again))
    for key in ("weak", "strong", "labels", "valid", "order", "chance"):
        assert torch.equal(ours[key], theirs[key]), key  # type: ignore[literal-required]
    there = {tuple(c) for k in range(3) for c in np.array(Image.open(tmp_path / f"more/{k}.png")).reshape(-1, 3)}
    colours = {tuple(c) for c in ours["weak"].movedim(1, -1).reshape(-1, 3).int().tolist()}
    assert colours <= there
    assert not torch.equal(ours["weak"], ours["strong"])
    assert (ours["labels"] == 255).all() and ours["valid"].all()


def test_partial_labels_come_with_their_windows(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    text = recipe.read_text().replace('labels = ["dark", "bright"]', 'labels = ["dark", "bright", "other"]')
    recipe.write_text(
        text.replace('path = ["train"]', 'path = ["train"]\nlabels.ids = { 1 = "bright", 0 = ["dark", "other"] }')
    )
    partly = ("unlabelled.partial=1", "data.unlabelled=[]", 'data.absent=["dark", "other"]')
    work = opened(recipe, *partly)
    labels = work.stream.batch(0, 2)["views"]["labels"]
    assert set(labels.unique().tolist()) <= {1, 3, 255} and (labels != 255).any()
    assert "100% of them from training sources with partial labels" in "\n".join(work.introduction())
    work = opened(recipe, "unlabelled.partial=0.5", 'data.absent=["dark", "other"]')
    seen = [bool((work.stream.batch(k, 2)["views"]["labels"] != 255).any()) for k in range(12)]
    assert 3 < sum(seen) < 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["unlabelled.part=0.5"], "unknown key unlabelled.part; did you mean partial?"),
        (["unlabelled.strong.blurr=0.5"], "unknown key unlabelled.strong.blurr; did you mean blur?"),
        (["unlabelled.confidence=[0.9,0.5]"], r"confidence \[0\.9, 0\.5\] must be two numbers from 0 to 1"),
        (["unlabelled.batch=1"], "classmix needs two windows; set batch to 2 or more, or classmix to 0"),
        (["data.unlabelled=[]"], "there is no image to learn from; give data.unlabelled or unlabelled.partial"),
        (["unlabelled.partial=1"], r"unlabelled\.partial 1 leaves no window for data\.unlabelled; lower it"),
        (["train.devices=2"], "is for a training in one process, not 2"),
        (["data.unlabelled.0.labels.ids={}"], r"unknown key data\.unlabelled\.0\.labels"),
        (
            ["unlabelled.partial=0.5"],
            r"unlabelled\.partial: no source of data\.train has labels that leave classes open",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(tmp_path: Path, changes: list[str], message: str) -> None:
    recipe = write_recipe(tmp_path)
    with pytest.raises(RecipeError, match=message) as error:
        opened(recipe, *changes)
    assert "\n" not in str(error.value)


def test_several_tasks_are_refused(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    text = recipe.read_text().replace("[[card.tasks]]\n", '[[card.tasks]]\nname = "light"\nkind = "classes"\n')
    recipe.write_text('kind = "multitask"\n' + text.partition("[unlabelled]")[0])
    with pytest.raises(RecipeError, match="several tasks learn from labels only; use kind = segmentation"):
        read_recipe(recipe)


def one_band(folder: Path) -> None:
    Image.fromarray(np.zeros((40, 48), np.uint8)).save(folder / "more" / "0.png")


def sixteen_bits(folder: Path) -> None:
    Image.fromarray(np.ones((40, 48), np.uint16)).save(folder / "more" / "0.png")


def none_there(folder: Path) -> None:
    for path in (folder / "more").iterdir():
        path.unlink()


def none_at_all(folder: Path) -> None:
    none_there(folder)
    (folder / "more").rmdir()


def of_the_validation(folder: Path) -> None:
    image = (folder / "validation" / "images" / "0.png").read_bytes()
    (folder / "more" / "1.png").write_bytes(image)


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (one_band, RasterError, r"more/0\.png: its bands do not fit: it has 1 of uint8: band1; model tiny takes 3"),
        (sixteen_bits, SmaltiError, r"more/0\.png: "),
        (none_there, DataError, r"more: no image found"),
        (none_at_all, DataError, r"more: no such file or folder; expected images to learn from without labels"),
        (of_the_validation, DataError, r"1\.png \(training without labels\) and .*0\.png \(validation\) are copies"),
    ],
)
def test_images_that_cannot_be_used_are_refused_in_one_line(
    tmp_path: Path, spoil: Any, kind: type[SmaltiError], message: str
) -> None:
    recipe = write_recipe(tmp_path)
    spoil(tmp_path)
    with pytest.raises(kind, match=message) as error:
        opened(recipe)
    assert "\n" not in str(error.value)


def test_unseen_places_are_not_learned_from_without_labels_either(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text().replace('path = ["more"]', "path = ['more']\nplace = 'more/(\\d)'"))
    text = recipe.read_text().replace('path = ["train"]', "path = ['train']\nplace = 'images/(\\d)'")
    recipe.write_text(text)
    work = opened(recipe, 'data.unseen=["1"]')
    assert [scene.name for scene in work.split.unlabelled[0]] == ["0.png", "2.png"]
    (tmp_path / "more" / "0.png").unlink()
    (tmp_path / "more" / "2.png").unlink()
    with pytest.raises(DataError, match=r"data\.unseen: no image is left for data\.unlabelled; leave out fewer places"):
        opened(recipe, 'data.unseen=["1"]')


def test_a_training_too_short_for_the_whole_weight_says_so(tmp_path: Path) -> None:
    notes = read_recipe(write_recipe(tmp_path), ["unlabelled.rampup=9"]).notes()
    assert notes == ["unlabelled.rampup 9 is above train.steps 4: the weight stays below its value"]
