"""Two processes over gloo give the training that one process gives."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from smalti.errors import DataError, NothingToScoreError, RecipeError
from smalti.evaluation import Evaluation
from smalti.nets.build import NETS
from smalti.training.checkpoint import load_checkpoint
from smalti.training.distributed import Team, launch
from smalti.training.kinds.pixels import work as pixels
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.loop import Training, begin
from smalti.training.recipe import open_work, read_recipe
from smalti.training.settings import TrainSettings
from tests.training.tiny import write_tiny
from tests.training.two_processes import run_in_two

CHANGES = (
    "net.name=plain",
    "train.batch=4",
    "optim.name=sgd",
    "optim.lr=0.5",
    "loss={cross_entropy=1,dice=1,lovasz=1}",
)


class Plain(nn.Module):
    """No batch norm: on CPUs none is synchronised, each would look at its own share."""

    def __init__(self, classes: int, bands: int, task: str, **options: object) -> None:
        super().__init__()
        self.task = task
        self.layers = nn.Sequential(nn.Conv2d(bands, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, classes, 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {self.task: self.layers(x)}


def train(recipe: Path, folder: Path, processes: int) -> None:
    read = read_recipe(recipe, [*CHANGES, f"train.devices={processes}"])
    begin(read, read.make_card(""), folder).run(lambda text: None)


def train_as_two(recipe: Path, folder: Path) -> None:
    NETS["plain"] = Plain
    train(recipe, folder, 2)


def leave_early() -> None:
    launch(TrainSettings(accelerator="cpu", devices=2, batch=2))
    for _ in range(3000):
        dist.all_reduce(torch.ones(5), async_op=True)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETS, "plain", Plain)


@pytest.mark.slow
@pytest.mark.usefixtures("plain")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    run_in_two(train_as_two, recipe, tmp_path / "two")
    train(recipe, tmp_path / "one", 1)
    (_, one), (_, two) = (load_checkpoint(tmp_path / name / "last") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-5, atol=1e-5)
    assert float(one["net.layers.2.weight"].abs().max()) > 0.5  # it did learn: at the start none is above 0.36
    rows = [(tmp_path / name / "records.csv").read_text().splitlines() for name in ("one", "two")]
    for found, expected in zip(rows[1], rows[0], strict=True):
        for a, b, column in zip(found.split(","), expected.split(","), rows[0][0].split(","), strict=True):
            assert a == b or column == "seconds_per_step" or float(a) == pytest.approx(float(b), abs=1e-4), column


@pytest.mark.slow
def test_a_process_that_ends_waits_for_its_communication() -> None:
    run_in_two(leave_early)  # raises if a process is aborted


def test_shares_are_in_order_and_one_process_takes_all() -> None:
    assert [list(Team(rank, 2).share(6)) for rank in (0, 1)] == [[0, 1, 2], [3, 4, 5]]
    x = torch.ones(3, requires_grad=True)
    assert Team().gather(x) is x and Team().sum(x) is x


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"train\.batch 2 must be a multiple of the 3 processes"):
        read_recipe(write_tiny(tmp_path), ["train.devices=3"])


def test_a_work_for_one_process_is_not_shared(tmp_path: Path) -> None:
    recipe = read_recipe(write_tiny(tmp_path))
    work = open_work(recipe, recipe.make_card(""))
    del work.team
    two = SimpleNamespace(global_rank=0, world_size=2, device=torch.device("cpu"))
    with pytest.raises(RecipeError, match="kind segmentation is trained by one process, not 2"):
        Training(recipe, work, tmp_path / "run", two)


def test_more_gpus_than_there_are_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(RecipeError, match=r"train\.devices: 2 GPUs requested, but torch finds 1"):
        launch(TrainSettings(devices=2, batch=2))


def test_only_a_share_without_labels_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = read_recipe(write_tiny(tmp_path))
    work = open_work(recipe, recipe.make_card(""))
    assert isinstance(work, PixelWork)
    work.team = Team(0, 2)

    def fail(error: DataError) -> Callable[..., Evaluation]:
        def evaluate(*arguments: object, **options: object) -> Evaluation:
            raise error

        return evaluate

    monkeypatch.setattr(pixels, "evaluate", fail(NothingToScoreError("no labelled pixel")))
    assert work._count(work.model) == ()
    monkeypatch.setattr(pixels, "evaluate", fail(DataError("a.png: has another size than its labels")))
    with pytest.raises(DataError, match="another size"):
        work._count(work.model)
