import pytest
import torch
from torch import nn

from smalti.training.ema import Mean


def test_the_mean_follows_the_weights_and_forgets_the_start() -> None:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    mean, plain = Mean(model, 0.9), Mean(model, 0.0)
    with torch.no_grad():
        model[0].weight.fill_(7.0)
    for step in range(60):
        mean.update(model, step)
        plain.update(model, step)
    assert plain.model[0].weight.item() == 7.0
    assert mean.model[0].weight.item() == pytest.approx(7.0, abs=0.05)
    assert not mean.model.training and not any(p.requires_grad for p in mean.model.parameters())


@pytest.mark.parametrize(
    ("decay", "step", "kept"),
    [(0.9, 0, 0.1), (0.9, 1, 2 / 11), (0.9, 8, 0.5), (0.9, 1000, 0.9), (0.05, 3, 0.05), (0, 0, 0)],
)
def test_the_share_that_is_kept_grows_over_the_first_steps(decay: float, step: int, kept: float) -> None:
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 1.0)
    mean = Mean(model, decay)
    nn.init.constant_(model.weight, 3.0)
    mean.update(model, step)
    assert mean.model.weight.item() == pytest.approx(kept * 1 + (1 - kept) * 3)


def test_counts_are_taken_over_as_they_are() -> None:
    model = nn.BatchNorm1d(1)
    mean = Mean(model, 0.9)
    model(torch.ones(4, 1))
    mean.update(model, 0)
    assert mean.model.num_batches_tracked.item() == 1
