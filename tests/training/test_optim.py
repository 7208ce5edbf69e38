import itertools

import pytest
import torch
from torch import nn

from smalti.nets.build import build
from smalti.training.optim import Mean, make_optimizer, rate, set_rate
from smalti.training.recipe import read_recipe
from smalti.training.settings import OptimSettings, ScheduleSettings
from tests.training.tiny import write_tiny


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


def test_norms_and_biases_do_not_decay_and_the_encoder_has_its_own_rate(tmp_path) -> None:
    model = build(read_recipe(write_tiny(tmp_path)).make_card(""))
    settings = OptimSettings(name="sgd", lr=0.1, encoder_factor=0.5, weight_decay=0.3, momentum=0.8)
    optimizer = make_optimizer(model, settings)
    set_rate(optimizer, 0.5)
    names = {parameter: name for name, parameter in model.named_parameters()}
    seen = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            seen += 1
            assert group["lr"] == pytest.approx(0.025 if names[parameter].startswith("net.encoder.") else 0.05)
            assert group["weight_decay"] == (0.3 if parameter.ndim > 1 else 0)
            assert group["momentum"] == 0.8
    assert seen == len(names)


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
