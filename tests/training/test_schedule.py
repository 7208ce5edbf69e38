import itertools

import pytest
import torch
from torch.optim import SGD, AdamW, Optimizer

from smalti.training.schedule import rate, set_rates
from smalti.training.settings import ScheduleSettings


def test_poly_falls_to_almost_nothing_after_its_warmup() -> None:
    settings = ScheduleSettings(name="poly", warmup=4, power=0.9)
    rates = [rate(step, 20, settings) for step in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[12] == pytest.approx(0.5**0.9)
    assert all(a > b > 0 for a, b in itertools.pairwise(rates[4:]))


def test_onecycle_rises_and_falls_as_cosines() -> None:
    rates = [rate(step, 20, ScheduleSettings(name="onecycle", warmup=4)) for step in range(20)]
    assert rates[4] == 1 and 0 < rates[0] < rates[1] < rates[3] < 1
    assert rates[12] == pytest.approx(0.5) and 0 < rates[19] < 0.02


def test_cosine_rises_in_a_line_and_falls_as_a_cosine() -> None:
    rates = [rate(step, 20, ScheduleSettings(name="cosine", warmup=4)) for step in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[12] == pytest.approx(0.5) and 0 < rates[19] < 0.02


def test_steps_fall_at_their_milestones() -> None:
    settings = ScheduleSettings(name="step", milestones=(3, 5), factor=0.5)
    assert [rate(step, 8, settings) for step in range(8)] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_momentum_moves_against_the_rate(kind: type[Optimizer]) -> None:
    optimizer = kind([{"params": [torch.zeros(1, requires_grad=True)], "lr": 2.0, "peak": 2.0}])
    seen = []
    for factor in (0.0, 0.5, 1.0):
        set_rates(optimizer, factor, (0.85, 0.95))
        group = optimizer.param_groups[0]
        seen.append(group["momentum"] if kind is SGD else group["betas"][0])
    assert seen == pytest.approx([0.95, 0.9, 0.85])
    assert optimizer.param_groups[0]["lr"] == 2.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "step"}, "step needs milestones"),
        ({"name": "poly", "milestones": [3]}, "others take none"),
        ({"name": "step", "milestones": [5, 3]}, "must increase"),
        ({"name": "cosine", "momentum": [0.85, 0.95]}, "for onecycle only"),
    ],
)
def test_what_does_not_belong_together_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScheduleSettings.model_validate(settings)
