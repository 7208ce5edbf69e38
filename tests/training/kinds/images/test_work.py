import json
import shutil
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from smalti.card import Task
from smalti.cli.evaluate import command as evaluate
from smalti.errors import DataError, RecipeError, SmaltiError
from smalti.evaluation.images import UNKNOWN
from smalti.training.checkpoint import load_checkpoint
from smalti.training.distributed import Team
from smalti.training.kinds.images.losses import class_weights
from smalti.training.kinds.images.work import ImagesWork
from smalti.training.loop import Training, begin
from smalti.training.recipe import read_recipe
from tests.data.images.tiny import write_adience, write_class_folders, write_photo
from tests.training.descent import PLAIN, descend

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own

RECIPE = """
kind = "images"
[card]
name = "tiny"
tile = 32
[[card.tasks]]
kind = "image_classes"
name = "colour"
[net]
name = "multitask"
encoder = "mobilenetv2"
width = 0.25
[data]
root = "{root}"
resize = 36
[[data.train]]
kind = "class_folders"
path = "train"
[[data.validation]]
kind = "class_folders"
path = "val"
[augment]
area = [0.5, 1.0]
[train]
steps = 4
batch = 4
epoch_steps = 2
save_every = 1
ema = 0
threads = 1
accelerator = "cpu"
"""
FACES = """
kind = "images"
[card]
name = "faces"
tile = 32
[[card.tasks]]
kind = "image_classes"
name = "age"
ordered = true
class_weights = "balanced"
[[card.tasks]]
kind = "image_classes"
name = "gender"
smoothing = 0.1
weight = 0.5
[net]
encoder = "mobilenetv2"
width = 0.25
sharing = "cross_stitch"
[data]
root = "{root}"
resize = 36
[[data.train]]
kind = "adience"
path = "."
folds = [0, 1, 2]
[[data.validation]]
kind = "adience"
path = "."
folds = [3]
[[data.test]]
kind = "adience"
path = "."
folds = [4]
[train]
steps = 2
batch = 4
epoch_steps = 1
threads = 1
accelerator = "cpu"
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    write_class_folders(folder / "train", 4)
    write_class_folders(folder / "val", 2, seed=100)
    path = folder / "tiny.toml"
    path.write_text(RECIPE.format(root=folder))
    return path


def start(recipe: Path, folder: Path, *changes: str) -> Training:
    read = read_recipe(recipe, changes)
    return begin(read, read.make_card(recipe.name), folder)


@pytest.fixture(scope="module")
def trained(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder, said = tmp_path_factory.mktemp("run"), []
    training = start(recipe, folder)
    said += training.work.introduction()
    training.run(said.append)
    said.append(training.work.conclude(folder / "best").text)
    return folder, "\n".join(said)


def test_it_trains_validates_and_tells(trained: tuple[Path, str]) -> None:
    folder, said = trained
    for text in ("multitask on mobilenetv2", "12 images", "one pass over the 12 images is 3 steps", "colour top-1 ",
                 "macro F1, %", "shorter side to 36 px, centre crop of 32 x 32 px", "validation"):  # fmt: skip
        assert text in said
    card, _ = load_checkpoint(folder / "best")
    assert card.tasks == (Task(name="colour", kind="image_classes", labels=("blue", "green", "red")),)
    assert card.tile == 32 and "best colour/top1" in card.origin.chosen


def test_a_killed_training_goes_on_where_it_was(recipe: Path, trained: tuple[Path, str], tmp_path: Path) -> None:
    def stop(text: str) -> None:
        if "step 4/4" in text:  # steps 1 to 3 are saved
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(recipe, tmp_path).run(stop)
    again = start(recipe, tmp_path)
    assert again.progress.step == 3
    again.run(lambda _: None)
    _, expected = load_checkpoint(trained[0] / "last")
    _, got = load_checkpoint(tmp_path / "last")
    assert all(torch.equal(got[name], value) for name, value in expected.items())


@pytest.mark.parametrize("changes", [[], ["augment.mixup=0.2", "card.tasks.0.smoothing=0.1", "augment.operations=1"]])
def test_an_update_lowers_the_loss_as_its_gradient_promises(recipe: Path, tmp_path: Path, changes: list[str]) -> None:
    training = start(recipe, tmp_path, "net.encoder=resnet18", "net.width=0.125", *PLAIN, *changes)
    with closing(training.work.batches(0)) as batches:
        promised, seen = descend(training, next(batches))
    assert seen == pytest.approx(promised, rel=0.2)


def test_the_score_of_colours_is_the_share_that_is_named_right(recipe: Path, tmp_path: Path) -> None:
    training = start(recipe, tmp_path)

    class Named(torch.nn.Module):
        """Names the channel that is brightest; or always the first class."""

        def __init__(self, right: bool) -> None:
            super().__init__()
            self.right, self.unused = right, torch.nn.Parameter(torch.zeros(1))

        def forward(self, image: Tensor) -> dict[str, Tensor]:
            bright = image.mean((2, 3)).flip(1)  # R, G, B in; blue, green, red out
            return {"colour": bright if self.right else torch.eye(3)[:1].expand(len(image), -1)}

    for right, share in ((True, 1), (False, 1 / 3)):
        training.model.net = Named(right)
        assert training.work.validate(training.model)["colour/top1"] == pytest.approx(share)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adience")
    write_adience(folder, 3)
    path = folder / "faces.toml"
    path.write_text(FACES.format(root=folder))
    return path


def test_faces_have_two_tasks_and_answers_that_are_missing(faces: Path, tmp_path: Path) -> None:
    said: list[str] = []
    training = start(faces, tmp_path)
    assert "no training image is of class (4, 6), (8, 12)" in training.work.warnings()[0]
    training.run(said.append)
    assert "age top-1" in said[-1] and "one-off" in said[-1] and "gender top-1" in said[-1]
    found = training.work.conclude(tmp_path / "best")
    assert "Adience (aligned), folds 4" in found.text and "test/age/one_off" in found.scores
    assert "best mean" in load_checkpoint(tmp_path / "best")[0].origin.chosen

    data = str(faces)
    done = CliRunner().invoke(evaluate, [str(tmp_path), data, "--json", str(tmp_path / "s.json")])
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "s.json").read_text())["tasks"]
    assert told["age"]["one_off"] == pytest.approx(found.scores["test/age/one_off"])
    assert CliRunner().invoke(evaluate, [str(tmp_path), str(tmp_path)]).exit_code == 2
    assert "is for models that map" in CliRunner().invoke(evaluate, [str(tmp_path), data, "--tta"]).output


def test_a_task_without_an_answer_leaves_the_batch(faces: Path, tmp_path: Path) -> None:
    work = start(faces, tmp_path).work
    assert isinstance(work, ImagesWork)
    batch = work.stream.batch(0, 4)
    batch["targets"]["age"][:] = -1
    assert list(work.terms(work.model, batch)) == ["gender"]
    batch["targets"]["gender"][:] = -1
    assert work.terms(work.model, batch) == {}


def test_a_single_task_without_an_answer_has_a_loss_of_zero(recipe: Path, tmp_path: Path) -> None:
    work = start(recipe, tmp_path).work
    assert isinstance(work, ImagesWork) and work.balance is None
    batch = work.stream.batch(0, 4)
    batch["targets"]["colour"][:] = -1
    [value] = work.terms(work.model, batch).values()
    value.backward()
    assert float(value.detach()) == 0


def test_a_rule_that_looks_at_gradients_balances(faces: Path, tmp_path: Path) -> None:
    changes = ["balance.name=pcgrad", "card.tasks.1.weight=1", "net.sharing=shared", "train.steps=1"]
    training = start(faces, tmp_path, *changes)
    before = {name: p.detach().clone() for name, p in training.model.named_parameters()}
    training.run(lambda _: None)
    assert all((p != before[name]).any() for name, p in training.model.named_parameters() if p.ndim > 1)


def test_balanced_classes_weigh_alike(faces: Path, tmp_path: Path) -> None:
    work = start(faces, tmp_path).work
    assert isinstance(work, ImagesWork)
    age, settings = work.card.tasks[0], work.recipe.card.tasks[0]
    assert settings.kind == "image_classes"
    weights = class_weights(age, settings, work.split.train)
    assert weights is not None
    counts = torch.from_numpy(work.split.train.counts(age))
    totals = weights * counts
    assert totals[counts > 0].unique().numel() == 1 and (weights[counts == 0] == 0).all()
    assert float(totals.sum()) == pytest.approx(int(counts.sum()))


VALUES = """
kind = "images"
[card]
name = "values"
tile = 32
[[card.tasks]]
kind = "image_value"
name = "redness"
unit = "%"
minimum = 0.0
loss = {{ l1 = 1.0, huber = 0.5 }}
[[card.tasks]]
kind = "image_classes"
name = "colour"
[net]
encoder = "mobilenetv2"
width = 0.25
sharing = "separate"
[data]
root = "{root}"
resize = 36
[[data.train]]
kind = "table"
file = "train.csv"
tasks = ["redness"]
[[data.train]]
kind = "class_folders"
path = "train"
[[data.validation]]
kind = "table"
file = "val.csv"
[augment]
mixup = 0.2
[train]
steps = 2
batch = 4
epoch_steps = 1
threads = 1
accelerator = "cpu"
"""


def test_values_and_classes_from_sources_of_their_own(recipe: Path, trained: tuple[Path, str], tmp_path: Path) -> None:
    for number, colour in enumerate(["red", "green", "blue", "red"]):
        write_photo(tmp_path / f"{number}.jpg", colour, number)
        write_photo(tmp_path / f"{number + 4}.jpg", colour, number + 4)
    (tmp_path / "train.csv").write_text("file,redness\n0.jpg,80\n1.jpg,20\n2.jpg,\n3.jpg,75\n")
    (tmp_path / "val.csv").write_text("file,redness,colour\n4.jpg,80,red\n5.jpg,,green\n6.jpg,20,\n")
    write_class_folders(tmp_path / "train", 2)
    path = tmp_path / "values.toml"
    path.write_text(VALUES.format(root=tmp_path))
    said: list[str] = []
    training = start(path, tmp_path / "run", f"card.tasks.1.init={trained[0] / 'best'}")
    assert any("init of task colour" in text for text in training.work.introduction())
    terms = training.work.terms(training.work.model, training.work.stream.batch(0, 10))  # type: ignore[attr-defined]
    assert {name.partition("/")[0] for name in terms} <= {"redness", "colour"} and terms
    training.run(said.append)
    assert "redness MAE" in said[-1] and "colour top-1" in said[-1]
    scores = training.work.validate(training.model)
    assert scores["redness/neg_mae"] == -scores["redness/mae"] < 0
    assert scores["mean"] == pytest.approx((scores["redness/delta1"] + scores["colour/top1"]) / 2)
    text = training.work.conclude(tmp_path / "run" / "best").text
    assert "redness (%)" in text and "labels known: redness 2, colour 2" in text
    with pytest.raises(RecipeError, match=r"has the tasks colour \(3 classes\), expected only redness \(values in %\)"):
        start(path, tmp_path / "other", f"card.tasks.0.init={trained[0] / 'best'}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("card.tasks.0.lables=[]", "unknown key card.tasks.0.lables; did you mean labels"),
        ("data.train.0.pth=x", "unknown key data.train.0.pth; did you mean path"),
        ("data.resize=30", "data.resize 30 must not be below card.tile 32"),
        ("train.batch=1", "train.batch"),
        ("train={batch=2,devices=2}", "gives each process 1 image:"),
        ("augment={mixup=0.1}", "an even number"),
        ("card.bands=['red']", "three bands of uint8"),
        ("card.tasks.0.unit=m", "unknown key card.tasks.0.unit"),
        ("card.tasks.0.name=a/b", "card.tasks.0.name"),
        ("net.sharing=afar", "unknown sharing scheme 'afar'"),
        ("net={name='classifier',sharing='cross_stitch'}", "which shares nothing"),
        ("net.options={width=2}", "width is a key of .net. itself"),
        ("balance.name=pcgrad", "are for several tasks; this recipe has one"),
        ("net.encoder_sha256=00", "without net.encoder_weights"),
        ("augment.area=[0.5, 0.1]", "area .* must be two numbers above 0"),
        ("data.train.0.task=size", "has class folders for 'size', but no such task"),
        ("card.tasks.0.class_weights=[1, 2]", "class_weights has 2 values, task colour has 3 classes"),
        ("card.tasks.0.class_weights=[1, -1, 1]", "class_weights must be weights of 0 or more, not all of them 0"),
        ("data.train.0.path=absent", "absent: cannot be listed"),
        ("data.validation.0.path=train", "is in training and validation"),
        ("card.tasks.0.labels=['red', 'green']", "'blue' is none of the 2 classes of colour"),
        ("card.tasks.0.labels=['red', 'green', 'blue', 'pink']", "no image is of class pink of colour; .* data.absent"),
        ("card.tasks.0.labels=['red', 'green', 'blue', 'red']", "two classes have the name 'red'"),
        ("data.absent=['gren']", "data.absent: 'gren' is not a class; did you mean green"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(recipe: Path, tmp_path: Path, change: str, says: str) -> None:
    changes = [change] if "mixup" not in change else [change, "train.batch=3"]
    with pytest.raises(SmaltiError, match=says) as refused:
        start(recipe, tmp_path, *changes)
    assert "\n" not in str(refused.value) and not list(tmp_path.iterdir())


def test_copies_on_both_sides_are_refused_unless_nothing_is_to_be_checked(recipe: Path, tmp_path: Path) -> None:
    assert start(recipe, tmp_path).work.warnings() == []
    for part in ("train", "val"):
        shutil.copytree(recipe.parent / part, tmp_path / part)
    again = tmp_path / recipe.name
    again.write_text(recipe.read_text().replace(str(recipe.parent), str(tmp_path)))
    kept = sorted((tmp_path / "train" / "red").iterdir())[0]
    shutil.copy(kept, next(iter((tmp_path / "val" / "red").iterdir())))
    with pytest.raises(DataError, match=rf"{kept} \(training\) and .* are copies of one image \(1 in all\)"):
        start(again, tmp_path / "run")
    start(again, tmp_path / "run", "data.check=false")


def test_a_class_that_only_the_validation_lacks_is_told(recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(recipe.parent / "val", tmp_path / "val")
    shutil.rmtree(tmp_path / "val" / "red")
    (told,) = start(recipe, tmp_path / "run", f"data.validation.0.path={tmp_path / 'val'}").work.warnings()
    assert told == "no validation image is of class red of colour: it does not influence the choice of the checkpoint"


def test_the_recipe_may_say_that_a_class_is_absent(recipe: Path, tmp_path: Path) -> None:
    labels = "card.tasks.0.labels=['red', 'green', 'blue', 'pink']"
    told = start(recipe, tmp_path, labels, "data.absent=['pink']").work.warnings()
    assert told == ["no training image is of class pink of colour"]
    assert start(recipe, tmp_path, labels, "data.absent=['*']").work.warnings() == told


def test_subjects_in_two_parts_and_unreadable_files_are_refused(faces: Path, recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is in training and validation"):
        start(faces, tmp_path, "data.validation.0.folds=[2]")
    broken = recipe.parent / "train" / "red" / "9.jpg"
    broken.write_bytes(b"\xff\xd8\xff half of a file")
    try:
        with pytest.raises(DataError, match=r"red/9\.jpg: is truncated"):
            start(recipe, tmp_path)
    finally:
        broken.unlink()


@dataclass(frozen=True)
class Half(Team):
    """One of two processes, of which the other one's parts are known."""

    others: list[Tensor] = field(default_factory=list)
    said: list[Tensor] = field(default_factory=list)

    def gather(self, part: Tensor) -> Tensor:
        self.said.append(part.detach())
        other = self.others[len(self.said) - 1] if self.others else torch.zeros_like(part)
        return torch.cat([part, other] if self.rank == 0 else [other, part])


def test_two_processes_have_the_gradient_of_one(recipe: Path, tmp_path: Path) -> None:
    work = start(recipe, tmp_path, "augment.mixup=0.3", "card.tasks.0.smoothing=0.1").work
    assert isinstance(work, ImagesWork)
    work.model.eval()  # on CPUs no batch norm is synchronised: each would look at its own share

    def step(team: Team) -> list[Tensor]:
        work.team = team
        work.model.zero_grad()
        torch.stack(list(work.terms(work.model, work.stream.batch(0, 4, team.share(4))).values())).sum().backward()
        return [p.grad.clone() for p in work.model.parameters() if p.grad is not None]

    whole = step(Team())
    first, second = Half(0, 2), Half(1, 2)
    step(first)
    step(second)
    halves = zip(step(Half(0, 2, others=second.said)), step(Half(1, 2, others=first.said)), strict=True)
    for one, (a, b) in zip(whole, halves, strict=True):
        torch.testing.assert_close(a + b, one, rtol=1e-4, atol=1e-6)
    assert any(one.abs().max() > 1e-3 for one in whole)


def test_another_kind_of_recipe_is_refused(recipe: Path, trained: tuple[Path, str], tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[card]\nname="x"\n[[card.tasks]]\nlabels=["a"]\n[[data.train]]\nkind="drawn"\nseeds=[1]\n'
                     '[[data.validation]]\nkind="drawn"\nseeds=[2]\n')  # fmt: skip
    with pytest.raises(RecipeError, match="expected one of kind images"):
        CliRunner().invoke(evaluate, [str(trained[0]), str(other)], catch_exceptions=False)


def test_neighbouring_classes_choose_no_checkpoint_where_classes_have_no_order(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"^train\.select: unknown score 'colour/one_off'; expected one of colour/top1"
    ):
        start(recipe, tmp_path, 'train.select="colour/one_off"')
    ordered = start(recipe, tmp_path, 'train.select="colour/one_off"', "card.tasks.0.ordered=true")
    assert "colour/one_off" in ordered.work.validate(ordered.model)


def test_scores_that_validation_labels_cannot_define_are_named(faces: Path, tmp_path: Path) -> None:
    work = start(faces, tmp_path).work
    assert work.undefined == {}
    assert isinstance(work, ImagesWork)
    work.split.validation.targets["age"][:] = UNKNOWN
    why = "no validation image has a label of age"
    assert work.undefined == {f"age/{name}": why for name in ("top1", "top5", "macro_f1", "one_off")}
    work.split.validation.targets["gender"][:] = UNKNOWN
    assert work.undefined["mean"] == f"{why}; no validation image has a label of gender"


def test_the_check_of_the_files_has_no_influence_on_the_identity(recipe: Path, tmp_path: Path) -> None:
    checked, unchecked = (start(recipe, tmp_path, f"data.check={check}").work for check in ("true", "false"))
    assert checked.identity == unchecked.identity
