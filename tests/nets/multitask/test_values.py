from typing import ClassVar

import pytest
import torch

from smalti.card import Kind, Task
from smalti.errors import DataError
from smalti.nets.backbones import BACKBONES
from smalti.nets.multitask.net import MultiTask
from smalti.nets.multitask.values import Values, begin_values
from tests.nets.multitask.contract import Tiny

HEIGHT = Task(name="height", kind="value", unit="m", minimum=0.0)
TEMPERATURE = Task(name="temperature", kind="value", unit="K")
NAN = float("nan")


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "tiny", Tiny)


@pytest.mark.parametrize("minimum", [0.0, -5.0, None])
def test_a_head_that_says_nothing_answers_the_mean_of_the_data(minimum: float | None) -> None:
    values = Values(Task(name="v", kind="value", minimum=minimum))
    values.begin(torch.tensor([[2.0, 4.0], [NAN, 12.0]]))
    torch.testing.assert_close(values(torch.zeros(1)), torch.tensor([6.0]))


def test_a_step_is_a_deviation_of_the_data_where_nothing_bounds_them() -> None:
    values = Values(TEMPERATURE)
    values.begin(torch.tensor([280.0, 300.0]))
    torch.testing.assert_close(values(torch.ones(1)), torch.tensor([290 + 200**0.5]))


@pytest.mark.parametrize("known", [[-5.0, 1.0, 2.0], [-9999.0, 3.0, 4.0]])
def test_values_whose_mean_is_below_the_minimum_are_refused(known: list[float]) -> None:
    values = Values(HEIGHT)
    with pytest.raises(DataError, match=r"task height: its first known values have a mean of .*, but none is below 0"):
        values.begin(torch.tensor(known))
    assert values.spread == 1


def test_what_does_not_differ_says_nothing_about_steps() -> None:
    for known in (torch.empty(0), torch.tensor([NAN, 3.0]), torch.full((5,), 3.0)):
        values = Values(HEIGHT)
        values.begin(known)
        assert values.spread == 1


def test_only_the_task_that_is_named_begins_anew() -> None:
    net = MultiTask((HEIGHT, TEMPERATURE), encoder="tiny")
    begin_values(net, "temperature", torch.tensor([280.0, 300.0]))
    assert [head.answers.centre.item() for head in net.heads] == [0, 290]


@pytest.mark.parametrize("kind", ["value", "image_value"])
@pytest.mark.parametrize("decoder", ["ued", "deeplabv3plus"])
def test_a_net_begins_near_the_mean_of_the_data(kind: Kind, decoder: str) -> None:
    torch.manual_seed(0)
    net = MultiTask((Task(name="v", kind=kind, minimum=0.0),), encoder="tiny", decoder=decoder)
    begin_values(net, "v", torch.tensor([1.0, 9.0]))
    answers = net.train()(torch.randn(4, 3, 64, 64))["v"]
    assert 2.5 < answers.mean() < 10 and answers.std() > 0


class Wider(Tiny):
    CHANNELS: ClassVar = (16, 16, 24, 32)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_step_lifts_a_few_heights_among_much_ground(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Weights that all begin near 0 all fall together, and then no answer can rise above the mean."""
    monkeypatch.setitem(BACKBONES, "tiny", Wider)
    torch.manual_seed(seed)
    net = MultiTask((HEIGHT,), encoder="tiny")
    truth = torch.zeros(4, 1, 64, 64)
    truth[..., :16, :16] = 20
    image = torch.randn(4, 3, 64, 64) + truth / 10
    begin_values(net, "height", truth)

    def lift() -> torch.Tensor:
        answer = net(image)["height"]
        return answer[..., 4:12, 4:12].mean() - answer[..., 24:, 24:].mean()

    before = lift().item()
    gradients = torch.autograd.grad((net(image)["height"] - truth).abs().mean(), list(net.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            parameter -= 1e-2 * gradient
    assert lift().item() > before
    last = net.heads[0].decoder.head[-1].weight
    gain = last.square().sum((1, 2, 3)).sqrt().item()
    assert 0.5 < gain < 2  # what comes in with a deviation of 1 leaves with about that


def test_what_was_begun_is_kept_with_the_weights() -> None:
    net, other = (MultiTask((HEIGHT,), encoder="tiny") for _ in range(2))
    begin_values(net, "height", torch.tensor([0.0, 8.0]))
    other.load_state_dict(net.state_dict())
    torch.testing.assert_close(other.heads[0].answers(torch.zeros(1)), torch.tensor([4.0]))
