"""Losses of values against the same sums written out in float64."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from smalti.card import Task
from smalti.losses import ValueLoss, ValueLossSettings

TASK = Task(name="height", kind="value", unit="m")
SHAPE = (2, 7, 9)
Pairs = list[tuple[float, float]]


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Answers N,1,H,W, truth with unknown pixels, validity."""
    draw = torch.Generator().manual_seed(3)
    answer = (torch.randn(SHAPE, generator=draw) * 4 + 5)[:, None].clone().requires_grad_()
    truth = torch.rand(SHAPE, generator=draw) * 12 - 1
    truth[:, 2, 3:8] = torch.nan
    return answer, truth, torch.rand(SHAPE, generator=draw) > 0.1


def call(batch: tuple[Tensor, Tensor, Tensor], **terms: object) -> dict[str, Tensor]:
    answer, truth, valid = batch
    loss = ValueLoss(ValueLossSettings.model_validate(terms), TASK)
    return loss({"height": answer}, {"height": truth}, valid)


def pairs(batch: tuple[Tensor, Tensor, Tensor]) -> Pairs:
    """Answer and truth of each pixel that counts."""
    answer, truth, valid = (part.detach().double().numpy() for part in batch)
    places = np.argwhere((valid > 0) & ~np.isnan(truth))
    return [(float(answer[n, 0, i, j]), float(truth[n, i, j])) for n, i, j in places]


def mean(each: list[float]) -> float:
    return math.fsum(each) / len(each)


def berhu(found: Pairs, share: float = 0.2) -> float:
    c = share * max(abs(a - t) for a, t in found)
    return mean([abs(a - t) if abs(a - t) <= c else ((a - t) ** 2 + c**2) / (2 * c) for a, t in found])


def smooth_l1(found: Pairs, beta: float = 1.0) -> float:
    return mean([e * e / (2 * beta) if (e := abs(a - t)) < beta else e - beta / 2 for a, t in found])


def huber(found: Pairs, delta: float = 1.0) -> float:
    return mean([e * e / 2 if (e := abs(a - t)) < delta else delta * (e - delta / 2) for a, t in found])


def silog(found: Pairs, invariance: float = 0.5, above: float = 0.0) -> float:
    d = [math.log(max(a, 1e-3)) - math.log(t) for a, t in found if t > above]
    return mean([one * one for one in d]) - invariance * mean(d) ** 2


SLOW: list[tuple[str, dict[str, float], Callable[..., float]]] = [
    ("l1", {}, lambda found: mean([abs(a - t) for a, t in found])),
    ("berhu", {}, berhu),
    ("berhu", {"share": 0.5}, berhu),
    ("smooth_l1", {}, smooth_l1),
    ("smooth_l1", {"beta": 3.0}, smooth_l1),
    ("huber", {"delta": 2.5}, huber),
    ("silog", {}, silog),
    ("silog", {"invariance": 0.85, "above": 2.0}, silog),
]


@pytest.mark.parametrize(("name", "settings", "slow"), SLOW, ids=lambda value: value if isinstance(value, str) else "")
def test_a_term_is_the_sum_written_out(
    batch: tuple[Tensor, Tensor, Tensor], name: str, settings: dict[str, float], slow: Callable[..., float]
) -> None:
    found = call(batch, **{name: {"weight": 2.0, **settings}})
    assert list(found) == [name]
    assert found[name].item() == pytest.approx(2 * slow(pairs(batch), **settings), rel=1e-5)


@pytest.mark.parametrize("name", ValueLossSettings.model_fields)
def test_unknown_pixels_have_no_gradient_and_the_others_a_finite_one(
    batch: tuple[Tensor, Tensor, Tensor], name: str
) -> None:
    answer, truth, valid = batch
    call(batch, **{name: 1.0})[name].backward()
    assert answer.grad is not None and answer.grad.isfinite().all()
    gradient = answer.grad[:, 0]
    counts = valid & ~truth.isnan()
    assert not gradient[~counts].any() and gradient[counts & (truth > 0) & (answer[:, 0] > 0.1)].all()


@pytest.mark.parametrize("name", ValueLossSettings.model_fields)
def test_a_perfect_answer_costs_nothing_and_stays(name: str) -> None:
    truth = torch.full(SHAPE, 3.0)
    answer = truth[:, None].clone().requires_grad_()
    loss = call((answer, truth, torch.ones(SHAPE, dtype=torch.bool)), **{name: 1.0})[name]
    loss.backward()
    assert loss.item() == 0 and answer.grad is not None and not answer.grad.any()


def silog_gradient(found: Pairs, invariance: float) -> list[float]:
    """Of each pixel with a truth above 0; below the floor that of the floor, unless a descent would lower it."""
    d = [math.log(max(a, 1e-3)) - math.log(t) for a, t in found if t > 0]
    each = [2 * (one - invariance * mean(d)) / len(d) for one in d]
    answers = [a for a, t in found if t > 0]
    return [g / a if a >= 1e-3 else min(g / 1e-3, 0.0) for g, a in zip(each, answers, strict=True)]


@pytest.mark.parametrize("invariance", [0.5, 1.0])
def test_logarithms_raise_what_is_below_their_floor(batch: tuple[Tensor, Tensor, Tensor], invariance: float) -> None:
    answer, truth, valid = batch
    call(batch, silog={"invariance": invariance})["silog"].backward()
    assert answer.grad is not None
    counts = valid & (truth > 0)
    found = answer.grad[:, 0][counts].double().numpy()
    np.testing.assert_allclose(found, silog_gradient(pairs(batch), invariance), rtol=1e-4, atol=1e-6)
    low = (answer.detach()[:, 0] < 1e-3)[counts].numpy()
    assert low.any() and (found[low] < 0).any() and not (found[low] > 0).any()


def test_logarithms_alone_bring_a_value_below_their_floor_to_the_truth() -> None:
    answer = torch.tensor([-0.5, 2.0]).view(1, 1, 1, 2).requires_grad_()
    optimizer = torch.optim.Adam([answer], lr=0.05, betas=(0.9, 0.9))
    for _ in range(600):
        optimizer.zero_grad()
        call((answer, torch.full((1, 1, 2), 3.0), torch.ones(1, 1, 2, dtype=torch.bool)), silog=1.0)["silog"].backward()
        optimizer.step()
    np.testing.assert_allclose(answer.detach().flatten(), [3.0, 3.0], rtol=0.05)


def test_the_reverse_hubers_c_has_no_gradient() -> None:
    answer = torch.tensor([1.0, 10.0]).view(1, 1, 1, 2).requires_grad_()
    call((answer, torch.zeros(1, 1, 2), torch.ones(1, 1, 2, dtype=torch.bool)), berhu=1.0)["berhu"].backward()
    assert answer.grad is not None
    np.testing.assert_allclose(answer.grad.flatten(), [0.5, 0.5 * 10 / 2])  # c is 2: e / c, in a mean of two


def test_a_batch_without_a_known_value_has_no_term(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    answer, truth, valid = batch
    assert call((answer, truth, torch.zeros_like(valid)), l1=1.0, berhu=1.0) == {}
    assert call((answer, torch.full_like(truth, torch.nan), valid), l1=1.0) == {}


def test_logarithms_leave_out_what_is_below_the_threshold(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    answer, truth, valid = batch
    loss = call((answer, truth.clamp_max(1.0), valid), silog={"above": 2.0})["silog"]
    loss.backward()
    assert loss.item() == 0 and answer.grad is not None and not answer.grad.any()


@pytest.mark.parametrize(
    ("terms", "words"),
    [({}, "at least one term of berhu, l1"), ({"l1": "much"}, "a weight or a table"), ({"l2": 1}, "l2")],
)
def test_settings_that_make_no_sense(terms: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ValueLossSettings.model_validate(terms)
