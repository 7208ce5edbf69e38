"""Every rule against what it gives by hand; the two tasks and their gradients are in two.py."""

import io
import math

import pytest
import torch

from smalti.errors import RecipeError
from smalti.training.balance import BALANCING, Balance, BalanceSettings
from tests.training.balance.two import WEIGHTS, Two, backward


def make(name: str, **options: float) -> Balance:
    return BalanceSettings(name=name, **options).make(WEIGHTS)  # type: ignore[arg-type]


def test_equal_weights_sum_the_gradients() -> None:
    two = Two()
    assert two.pull(make("equal")) == WEIGHTS
    assert two.gradient() == pytest.approx([2 - 3, 0 + 3, 1, 1])


def test_fixed_weights_are_those_of_the_tasks() -> None:
    two, weights = Two(), {"a": 3.0, "b": 0.5}
    assert two.pull(BalanceSettings(name="fixed").make(weights)) == weights
    # 3 (2, 0) + 1/2 (-3, 3) = (4.5, 1.5)
    assert two.gradient() == pytest.approx([4.5, 1.5, 3, 0.5])


def test_uncertainty_weighs_by_the_variances_and_learns_them() -> None:
    # L e^-s + s/2; with s = (log 2, 0): weights (1/2, 1); d/ds = 1/2 - L e^-s: 1/2 - 1/2 = 0 for a, 1/2 - 3 for b
    two, balance = Two(), make("uncertainty")
    logs = balance.parameters()
    with torch.no_grad():
        logs[0].fill_(math.log(2))
    assert two.pull(balance) == pytest.approx({"a": 0.5, "b": 1})
    assert two.gradient() == pytest.approx([1 - 3, 3, 0.5, 1])
    assert [log.grad.item() for log in logs if log.grad is not None] == pytest.approx([0, -2.5], abs=1e-6)


def test_the_variance_of_a_task_that_did_not_come_is_left_alone() -> None:
    two, balance = Two(), make("uncertainty")
    optimizer = torch.optim.AdamW(balance.parameters(), lr=0.1, weight_decay=0)
    two.pull(balance)
    optimizer.step()
    optimizer.zero_grad()
    before = balance.state_dict()
    two.pull(balance, "b")
    optimizer.step()
    after = balance.state_dict()
    assert after["a"] == before["a"] and after["b"] > before["b"] + 0.05


def test_dwa_compares_the_means_of_two_periods() -> None:
    # Means of a: (1 + 3) / 2 = 2, then 4: r = 2. Of b: 3, then 3: r = 1. With temperature 2
    # w_a = 2 e^1 / (e^1 + e^.5) = 2 / (1 + e^-.5)
    two, balance = Two(), make("dwa", temperature=2.0, period=2)
    used = [two.pull(balance, scales=(a, 1.0)) for a in (1.0, 3.0, 4.0, 4.0)]
    assert used == [WEIGHTS] * 4
    two = Two()
    a = 2 / (1 + math.exp(-0.5))
    assert two.pull(balance) == pytest.approx({"a": a, "b": 2 - a})
    assert two.gradient() == pytest.approx([2 * a - 3 * (2 - a), 3 * (2 - a), a, 2 - a])


def test_dwa_leaves_out_a_task_without_a_label() -> None:
    two, balance = Two(), make("dwa", temperature=1.0, period=1)
    two.pull(balance)
    two.pull(balance, scales=(2.0, 1.0))  # r of a is 2 from here on: no other period of it has a label
    assert two.pull(balance, "b") == {"b": 1}
    a = 2 / (1 + math.exp(-1))  # 2 e^2 / (e^2 + e^1)
    assert two.pull(balance) == pytest.approx({"a": a, "b": 2 - a})


def test_rlw_draws_weights_of_mean_one(monkeypatch: pytest.MonkeyPatch) -> None:
    two, balance = Two(), make("rlw", seed=1)
    drawn = [two.pull(balance) for _ in range(300)]
    assert all(weights["a"] + weights["b"] == pytest.approx(2) for weights in drawn)
    values = torch.tensor([weights["a"] for weights in drawn])
    assert abs(values.mean() - 1) < 0.1 and values.std() > 0.3
    assert make("rlw", seed=1).backward(two.losses(), [], backward) == drawn[0] != drawn[1]
    # The softmax of (0, log 3) is (1/4, 3/4).
    monkeypatch.setattr(torch, "randn", lambda count, **_: torch.tensor([0, math.log(3)]))
    two = Two()
    assert two.pull(balance) == pytest.approx({"a": 0.5, "b": 1.5})
    assert two.gradient() == pytest.approx([1 - 4.5, 4.5, 0.5, 1.5])
    assert two.pull(balance, "b") == {"b": 1}


def test_gls_descends_on_the_geometric_mean() -> None:
    # sqrt(1 * 3) = sqrt 3; weights sqrt 3 / (2 * 1) and sqrt 3 / (2 * 3)
    two = Two()
    a, b = math.sqrt(3) / 2, math.sqrt(3) / 6
    assert two.pull(make("gls")) == pytest.approx({"a": a, "b": b})
    assert two.gradient() == pytest.approx([2 * a - 3 * b, 3 * b, a, b])
    other = Two()
    losses = other.losses()
    (losses["a"] * losses["b"]).sqrt().backward()  # type: ignore[no-untyped-call]
    assert two.gradient() == pytest.approx(other.gradient())


def test_gls_bears_a_loss_of_zero_and_refuses_one_below() -> None:
    two = Two()
    assert all(math.isfinite(weight) for weight in two.pull(make("gls"), scales=(0.0, 1.0)).values())
    with pytest.raises(RecipeError, match=r"gls needs losses of at least 0, but task b has -3; use dwa"):
        two.pull(make("gls"), scales=(1.0, -1.0))


def test_gradnorm_takes_one_step_towards_equal_norms() -> None:
    # Norms (2, 3 sqrt 2), their mean 3.12; all l and r are 1 at first: a is below it, b above, so w_a rises and w_b
    # falls; the first step of Adam is its rate, 0.1. The sum stays 2.
    two, balance = Two(), make("gradnorm", lr=0.1, alpha=1.0)
    assert two.pull(balance) == WEIGHTS
    assert two.gradient() == pytest.approx([-1, 3, 1, 1])
    assert balance.state_dict()["weights"] == pytest.approx({"a": 1.1, "b": 0.9})
    two = Two()
    assert two.pull(balance) == pytest.approx({"a": 1.1, "b": 0.9})
    assert two.gradient() == pytest.approx([2.2 - 2.7, 2.7, 1.1, 0.9])


def test_gradnorm_pulls_a_task_that_lags_forward() -> None:
    # a stays at its first loss, l = 1; b is at a third, l = 1/3: mean 2/3, r = (3/2, 1/2). Norms (2, sqrt 2), of mean
    # 1.707. alpha 1: targets (2.56, 0.85): a is below, b above; alpha 0: targets 1.707 each: a above, b below.
    for alpha, sign in ((1.0, 1), (0.0, -1)):
        balance = make("gradnorm", lr=0.1, alpha=alpha)
        state = balance.state_dict()
        balance.load_state_dict(state | {"first": {"a": 1.0, "b": 3.0}})
        Two().pull(balance, scales=(1.0, 1 / 3))
        assert balance.state_dict()["weights"] == pytest.approx({"a": 1 + sign * 0.1, "b": 1 - sign * 0.1})


def test_gradnorm_leaves_out_a_task_without_a_label() -> None:
    two, balance = Two(), make("gradnorm", lr=0.1)
    two.pull(balance, "b")  # alone: at its own target, nothing to move
    assert balance.state_dict()["weights"] == WEIGHTS and balance.state_dict()["first"] == {"b": 3.0}
    two.pull(balance)
    assert balance.state_dict()["first"] == {"b": 3.0, "a": 1.0}
    weights = balance.state_dict()["weights"]
    assert two.pull(balance, "a") == {"a": weights["a"]}
    assert balance.state_dict()["weights"] == weights


def test_pcgrad_projects_gradients_that_conflict() -> None:
    # a: (2, 0) - (-6 / 18) (-3, 3) = (1, 1), across b; b: (-3, 3) - (-6 / 4) (2, 0) = (0, 3), across a; sum (1, 4).
    # a counts 1 + 6/4 times, b 1 + 6/18 times. The heads belong to one task each and get their own gradient.
    two = Two()
    assert two.pull(make("pcgrad")) == pytest.approx({"a": 2.5, "b": 4 / 3})
    assert two.gradient() == pytest.approx([1, 4, 1, 1])


def test_pcgrad_leaves_gradients_that_agree() -> None:
    two = Two(agreeing=True)
    assert two.pull(make("pcgrad")) == pytest.approx(WEIGHTS)
    assert two.gradient() == pytest.approx([5, 3, 1, 1])


def test_pcgrad_of_one_task_and_of_a_gradient_of_zero() -> None:
    two = Two()
    assert two.pull(make("pcgrad"), "b") == {"b": 1}
    assert two.gradient() == pytest.approx([-3, 3, 0, 1])
    two.pull(make("pcgrad"), scales=(0.0, 1.0))
    assert two.gradient() == pytest.approx([-6, 6, 0, 2])


@pytest.mark.parametrize("name", BALANCING)
def test_gradients_are_added_to_those_that_are_there(name: str) -> None:
    once, twice = Two(), Two()
    once.pull(make(name))
    twice.x.grad = torch.tensor([10.0, 20.0])
    twice.pull(make(name))
    difference = torch.tensor(twice.gradient()) - torch.tensor(once.gradient())
    torch.testing.assert_close(difference, torch.tensor([10.0, 20.0, 0.0, 0.0]))


@pytest.mark.parametrize("name", BALANCING)
def test_a_resumed_balance_goes_on_identically(name: str) -> None:
    two = Two()
    options = {"dwa": {"period": 2}}.get(name, {})
    balance = make(name, **options)
    for batch in range(5):
        two.pull(balance, *(["b"] if batch == 1 else []), scales=(1.0 + batch, 1.0))
    file = io.BytesIO()
    torch.save(balance.state_dict(), file)
    file.seek(0)
    resumed = make(name, **options)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for batch in range(4):
        one, other = Two(), Two()
        scales = (3.0 - batch / 2, 1.0 + batch)
        assert one.pull(balance, scales=scales) == other.pull(resumed, scales=scales)
        assert one.gradient() == other.gradient()
