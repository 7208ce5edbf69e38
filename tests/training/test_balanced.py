"""The loop goes through a work's balance: two tasks over a shared layer, learned from drawn numbers."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from smalti.card import Task
from smalti.data.identity import Identity
from smalti.errors import DivergedError, RecipeError
from smalti.training.balance import BALANCING, BalanceSettings
from smalti.training.distributed import ALONE, launch
from smalti.training.loop import Training
from smalti.training.settings import CardSettings, OptimSettings, Recipe, TrainSettings
from smalti.training.work import Conclusion
from tests.training.two_processes import run_in_two

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own

TASKS = ("cover", "height")
BATCH = 4


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(2, 3)
        self.heads = nn.ModuleDict({task: nn.Linear(3, 1) for task in TASKS})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = self.trunk(x).tanh()
        return {task: head(y) for task, head in self.heads.items()}

    def shared_parameters(self) -> list[nn.Parameter]:
        return list(self.trunk.parameters())


class Wrapped(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.net(x)  # type: ignore[no-any-return]


class TwoTasks:
    """See `training.work.Work`. Batch 1 has no label of `cover`, batch 2 of neither task where `gaps`."""

    selectable = ("score",)
    undefined: ClassVar = {}
    identity: ClassVar = {"train": Identity(3, "drawn"), "validation": Identity(1, "drawn")}

    def __init__(self, settings: dict[str, Any], batch: int = BATCH, gaps: bool = True, net: nn.Module | None = None):
        torch.manual_seed(0)
        self.card = CardSettings(name="two").make("toy", {}, tuple(Task(name=t, kind="value") for t in TASKS), "")
        self.model = Wrapped(net or Branches())
        self.balance = BalanceSettings.model_validate(settings).make(dict.fromkeys(TASKS, 1.0))
        self.team, self.batch, self.gaps = ALONE, batch, gaps

    def batches(self, first: int) -> Generator[tuple[int, Tensor], None, None]:
        number = first
        while True:
            x = torch.randn(self.batch, 2, generator=torch.Generator().manual_seed(number * self.batch // BATCH))
            share = self.team.share(self.batch)
            yield number, x[share.start : share.stop]
            number += 1

    def names(self, batch: tuple[int, Tensor]) -> list[str]:
        return [f"drawn {batch[0]}"]

    def terms(self, model: Callable[..., Any], batch: tuple[int, Tensor]) -> dict[str, Tensor]:
        number, x = batch
        answers = {task: self.team.gather(answer[:, 0]) for task, answer in model(x).items()}
        x = self.team.gather(x)
        slope = (answers["cover"] - x[:, 0]).square().mean()
        terms = {
            "cover/slope": slope,
            "cover/size": 0.1 * answers["cover"].square().mean(),
            "height": 3 * (answers["height"] + x.sum(1)).square().mean(),
        }
        missing = {1: ("cover",), 2: TASKS}.get(number, ()) if self.gaps else ()
        return {name: term for name, term in terms.items() if name.partition("/")[0] not in missing}

    def validate(self, model: nn.Module) -> dict[str, float]:
        return {"score": 0.5}

    def report(self, scores: dict[str, float]) -> str:
        return ""

    def introduction(self) -> list[str]:
        return []

    def warnings(self) -> list[str]:
        return []

    def conclude(self, folder: Path) -> Conclusion:
        return Conclusion("", {})


def recipe(steps: int = 6, optim: dict[str, Any] | None = None, **train: Any) -> Recipe:
    return Recipe(
        kind="two",
        card=CardSettings(name="two"),
        optim=OptimSettings.model_validate({"lr": 0.05} | (optim or {})),
        train=TrainSettings.model_validate({"steps": steps, "epoch_steps": 3, "save_every": 1, "ema": 0} | train),
    )


def begin(work: TwoTasks, folder: Path, settings: Recipe) -> Training:
    return Training(settings, work, folder, launch(settings.train))


def settings_of(name: str) -> dict[str, Any]:
    return {"name": name} | {"dwa": {"period": 2}, "rlw": {"seed": 3}}.get(name, {})


def silent(text: str) -> None: ...


class KilledError(Exception):
    pass


@pytest.mark.parametrize("name", BALANCING)
def test_a_killed_training_goes_on_identically(name: str, tmp_path: Path) -> None:
    begin(TwoTasks(settings_of(name)), tmp_path / "whole", recipe()).run(silent)
    killed = begin(TwoTasks(settings_of(name)), tmp_path / "killed", recipe())

    def kill(text: str) -> None:
        if killed.progress.step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        killed.run(kill)
    resumed = begin(TwoTasks(settings_of(name)), tmp_path / "killed", recipe())
    assert resumed.progress.step == 4
    resumed.run(silent)
    whole, again = (tmp_path / run / "last" / "model.safetensors" for run in ("whole", "killed"))
    assert whole.read_bytes() == again.read_bytes()


def test_the_weights_of_a_balance_are_those_of_the_step(tmp_path: Path) -> None:
    # SGD without momentum: the step is the rate times the gradient. Batch 0 has both tasks; with weights 2 and 1/2 each
    # parameter moves by 2 times the gradient of cover's two terms plus half that of height's.
    settings = recipe(1, {"name": "sgd", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0})
    work = TwoTasks({"name": "fixed"})
    work.balance = BalanceSettings().make({"cover": 2.0, "height": 0.5})
    before = {name: value.clone() for name, value in work.model.state_dict().items()}
    terms = work.terms(work.model, next(work.batches(0)))
    parameters = dict(work.model.named_parameters())
    loss = 2 * (terms["cover/slope"] + terms["cover/size"]) + terms["height"] / 2
    expected = torch.autograd.grad(loss, list(parameters.values()))
    training = begin(work, tmp_path, settings)
    training.step(work.batches(0))
    for (name, value), gradient in zip(parameters.items(), expected, strict=True):
        torch.testing.assert_close(value.detach(), before[name] - 0.1 * gradient)
    assert training.progress.losses["weight/cover"] == 2 and training.progress.losses["weight/height"] == 0.5
    assert training.progress.losses["loss"] == pytest.approx(sum(term.item() for term in terms.values()))


def test_a_state_of_equal_weights_of_their_own_rule_goes_on(tmp_path: Path) -> None:
    begin(TwoTasks({"name": "equal"}), tmp_path, recipe(1)).run(silent)
    state = torch.load(tmp_path / "last" / "state.pt", weights_only=True)
    assert state["balance"]["rule"] == "Fixed"
    state["balance"]["rule"] = "Equal"  # as it was once written
    torch.save(state, tmp_path / "last" / "state.pt")
    training = begin(TwoTasks({"name": "equal"}), tmp_path, recipe(2))
    assert training.progress.step == 1
    training.run(silent)


def test_means_are_over_the_batches_that_had_the_task(tmp_path: Path) -> None:
    # A rate of next to nothing: the three batches of the first epoch meet the same net.
    work = TwoTasks({"name": "equal"})
    numbers = [work.terms(work.model, batch) for batch, _ in zip(work.batches(0), range(3), strict=False)]
    begin(work, tmp_path, recipe(3, {"lr": 1e-12})).run(silent)
    head, row = ((tmp_path / "records.csv").read_text().splitlines()[i].split(",") for i in (0, 1))
    record = {name: float(value) for name, value in zip(head, row, strict=True)}
    assert record["loss/cover/slope"] == pytest.approx(numbers[0]["cover/slope"].item(), rel=1e-4)
    heights = [terms["height"].item() for terms in numbers[:2]]
    assert record["loss/height"] == pytest.approx(sum(heights) / 2, rel=1e-4)
    assert record["weight/cover"] == record["weight/height"] == 1


def test_variances_learn_at_the_nets_rate_without_decay(tmp_path: Path) -> None:
    work = TwoTasks({"name": "uncertainty"})
    training = begin(work, tmp_path, recipe())
    group = training.optimizer.param_groups[-1]
    assert group["params"] == list(work.balance.parameters())
    assert group["peak"] == 0.05 and group["weight_decay"] == 0
    training.step(work.batches(0))  # the first step of AdamW is its rate
    assert all(abs(value) == pytest.approx(0.05, rel=1e-3) for value in work.balance.state_dict().values())


@pytest.mark.parametrize("name", ["equal", "uncertainty", "pcgrad"])
def test_batches_accumulated_are_the_mean_of_their_gradients(name: str, tmp_path: Path) -> None:
    # The two batches are equal, so that two accumulated are one; the norm is above 0.1 and clipped.
    weights = []
    for accumulate in (1, 2):
        work = TwoTasks({"name": name}, gaps=False)
        settings = recipe(1, {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0}, accumulate=accumulate, clip=0.1)
        training = begin(work, tmp_path / str(accumulate), settings)
        batch = next(work.batches(0))
        training.step(iter([batch, batch]))
        weights.append(
            torch.cat([p.detach().flatten() for p in (*training.model.parameters(), *work.balance.parameters())])
        )
    torch.testing.assert_close(weights[0], weights[1])
    start = torch.cat([p.detach().flatten() for p in TwoTasks({"name": name}).model.parameters()])
    assert (weights[0][: len(start)] - start).norm() <= 0.05 * 0.1 * 1.001


@pytest.mark.parametrize("name", ["gradnorm", "dwa"])
def test_a_loss_that_is_no_number_names_the_images(name: str, tmp_path: Path) -> None:
    training = begin(TwoTasks({"name": name}), tmp_path, recipe())
    with torch.no_grad():
        next(training.model.parameters()).fill_(torch.nan)
    with pytest.raises(DivergedError, match="at step 1 the loss is nan, at drawn 0"):
        training.run(silent)


def test_another_rule_does_not_go_on(tmp_path: Path) -> None:
    begin(TwoTasks({"name": "dwa"}), tmp_path, recipe(1)).run(silent)
    with pytest.raises(RecipeError, match=r"used DWA for cover, height, but the recipe has GLS .*train\.start"):
        begin(TwoTasks({"name": "gls"}), tmp_path, recipe())


@pytest.mark.parametrize(
    ("train", "message"),
    [({"compile": True}, r"train\.compile: .*uncompiled"), ({"precision": "16-mixed"}, "use bf16-mixed")],
)
def test_what_several_passes_do_not_bear_is_refused(train: dict[str, Any], message: str, tmp_path: Path) -> None:
    work = TwoTasks({"name": "pcgrad"})
    settings = recipe(**train)
    with pytest.raises(RecipeError, match=message):
        Training(settings, work, tmp_path, launch(recipe().train))


def test_a_net_that_shares_nothing_is_refused_by_rules_that_look_there(tmp_path: Path) -> None:
    net = Branches()
    net.shared_parameters = lambda: []  # type: ignore[method-assign]
    with pytest.raises(RecipeError, match=r"balance\.name: .*this net has none; use another rule"):
        begin(TwoTasks({"name": "gradnorm"}, net=net), tmp_path, recipe())


class Staged(Branches):
    """An encoder of one stage, with a batch norm that must see each batch once."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.stages = nn.ModuleList([nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))])

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return super().forward(self.encoder.stages[0](x))  # type: ignore[index, operator]

    def shared_parameters(self) -> list[nn.Parameter]:
        return [*self.encoder.parameters(), *self.trunk.parameters()]


@pytest.mark.parametrize("name", ["pcgrad", "gradnorm"])
def test_what_is_recomputed_for_each_task_is_the_same(name: str, tmp_path: Path) -> None:
    states = []
    for recompute in (False, True):
        torch.manual_seed(0)
        training = begin(TwoTasks({"name": name}, net=Staged()), tmp_path / str(recompute), recipe(recompute=recompute))
        batches = training.work.batches(0)
        for _ in range(4):
            training.step(batches)
        states.append({key: value.clone() for key, value in training.model.state_dict().items()})
    for key, value in states[0].items():
        torch.testing.assert_close(states[1][key], value)


@pytest.mark.parametrize("name", ["uncertainty", "gradnorm"])
def test_half_precision_balances(name: str, tmp_path: Path) -> None:
    training = begin(TwoTasks({"name": name}), tmp_path, recipe(precision="bf16-mixed"))
    batches = training.work.batches(0)
    for _ in range(4):
        training.step(batches)
    assert all(
        value.isfinite().all() and value.dtype == torch.float32 for value in training.model.state_dict().values()
    )
    assert training.progress.losses["weight/height"] != training.progress.losses["weight/cover"]


RULES = ("uncertainty", "dwa", "gradnorm", "pcgrad")


def train_all(file: Path, devices: int) -> None:
    # Adam would not mind gradients that are twice as large.
    settings = recipe(6, {"name": "sgd", "weight_decay": 0.0}, devices=devices, batch=BATCH)
    fabric = launch(settings.train)
    states = {}
    for name in RULES:
        training = Training(settings, TwoTasks(settings_of(name)), file.parent / name, fabric)
        batches = training.work.batches(0)
        for _ in range(5):
            training.step(batches)
        states[name] = training._state()
    if fabric.is_global_zero:
        torch.save(states, file)


@pytest.mark.slow
def test_two_processes_balance_as_one(tmp_path: Path) -> None:
    run_in_two(train_all, tmp_path / "two.pt", 2)
    train_all(tmp_path / "one.pt", 1)
    one, two = (torch.load(tmp_path / file, weights_only=True) for file in ("one.pt", "two.pt"))
    for name in RULES:
        for key, value in one[name]["model"].items():
            torch.testing.assert_close(two[name]["model"][key], value, rtol=1e-4, atol=1e-5)
        assert (one[name]["model"]["net.trunk.weight"] - Branches().trunk.weight).norm() > 0.1  # it did learn
        for task in TASKS:
            noted = [state[name]["progress"]["losses"][f"weight/{task}"] for state in (one, two)]
            assert noted[1] == pytest.approx(noted[0], rel=1e-4)


def test_the_parameters_of_a_balance_count_in_the_norm_that_is_clipped(tmp_path: Path) -> None:
    work = TwoTasks({"name": "uncertainty"}, gaps=False)
    training = begin(work, tmp_path, recipe(1, {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0}, clip=0.1))
    every = [*training.model.parameters(), *work.balance.parameters()]
    before = [parameter.detach().clone() for parameter in every]
    training.step(work.batches(0))
    moved = torch.cat([(new.detach() - old).flatten() for new, old in zip(every, before, strict=True)])
    assert moved.norm().item() == pytest.approx(0.05 * 0.1, rel=1e-3)
