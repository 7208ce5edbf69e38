import itertools
import math

import pytest
import torch

from smalti.training.kinds.ranking.preference import TEMPERATURE, group_loss, list_loss, pair_loss, steady_loss


def test_a_pair_costs_the_cross_entropy_of_its_chance() -> None:
    preference, chance = torch.tensor([2.0, -1.0]), torch.tensor([0.8, 0.5])
    p = preference.sigmoid()
    expected = -(chance * p.log() + (1 - chance) * (1 - p).log()).mean()
    assert pair_loss(preference, chance) == pytest.approx(expected.item())
    assert pair_loss(torch.empty(0, requires_grad=True), torch.empty(0)) == 0


def test_a_list_costs_minus_the_log_of_its_chance_by_plackett_and_luce() -> None:
    score = torch.tensor([0.3, -1.0, 2.0, 0.7, 5.0])
    series, place = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([1, 2, 0, -1, -1])
    strength = score.exp()
    chance = strength[2] / strength[:3].sum() * strength[0] / (strength[0] + strength[1])
    assert list_loss(score, series, place) == pytest.approx(-math.log(chance) / 2)
    total = 0.0
    for order in itertools.permutations(range(3)):
        total += math.exp(-2 * list_loss(score[:3], series[:3], torch.tensor(order)).item())
    assert total == pytest.approx(1, abs=1e-5)


def test_lists_of_two_cost_like_pairs_and_unknown_orders_nothing() -> None:
    score = torch.tensor([0.3, -1.0], requires_grad=True)
    series = torch.zeros(2, dtype=torch.long)
    both = list_loss(score, series, torch.tensor([0, 1])), pair_loss(score[:1] - score[1:], torch.ones(1))
    assert both[0].item() == pytest.approx(both[1].item())
    none = list_loss(score, series, torch.tensor([-1, -1]))
    none.backward()
    assert none == 0 and not score.grad.any()  # type: ignore[union-attr]


def test_series_are_drawn_together_and_apart() -> None:
    series = torch.tensor([0, 0, 1, 1, 2])
    together = torch.nn.functional.one_hot(series).float()
    apart = torch.nn.functional.one_hot(torch.tensor([0, 1, 0, 1, 2])).float()
    assert group_loss(together, series) < group_loss(apart, series)
    others = math.exp(1 / TEMPERATURE) + 3
    assert group_loss(together, series) == pytest.approx(math.log(others / math.exp(1 / TEMPERATURE)), rel=1e-4)
    alone = torch.tensor([0, 1, 2, 3, 4])
    assert group_loss(together, alone) == 0


def test_a_score_that_stays_with_its_photo_costs_nothing() -> None:
    score = torch.tensor([[1.0], [-2.0]])
    assert steady_loss(score, score) == 0
    assert steady_loss(score, score + torch.tensor([[0.1], [-0.3]])) == pytest.approx(0.05)
