import pytest
import torch
from torch import nn

from smalti.training.mean import Mean


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
