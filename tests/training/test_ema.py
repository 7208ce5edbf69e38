import pytest
import torch
from torch import nn

from smalti.training.ema import average_of, resume_at


def test_the_mean_follows_the_weights_and_forgets_the_start() -> None:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    mean, plain = average_of(model, 0.9), average_of(model, 0.0)
    with torch.no_grad():
        model[0].weight.fill_(7.0)
    for _ in range(60):
        mean.update_parameters(model)
        plain.update_parameters(model)
    assert plain.module[0].weight.item() == 7.0
    assert mean.module[0].weight.item() == pytest.approx(7.0, abs=0.05)
    assert not mean.module.training and not any(p.requires_grad for p in mean.module.parameters())


@pytest.mark.parametrize(
    ("decay", "step", "kept"),
    [(0.9, 0, 0.1), (0.9, 1, 2 / 11), (0.9, 8, 0.5), (0.9, 1000, 0.9), (0.05, 3, 0.05), (0, 0, 0)],
)
def test_the_share_that_is_kept_grows_over_the_first_steps(decay: float, step: int, kept: float) -> None:
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 1.0)
    mean = average_of(model, decay)
    nn.init.constant_(model.weight, 3.0)
    resume_at(mean, step)
    mean.update_parameters(model)
    assert mean.module.weight.item() == pytest.approx(kept * 1 + (1 - kept) * 3)


def test_a_mean_that_is_resumed_goes_on_as_if_it_had_not_stopped() -> None:
    model = nn.BatchNorm1d(1)
    whole, first = average_of(model, 0.9), average_of(model, 0.9)
    for step in range(4):
        nn.init.constant_(model.weight, step)
        whole.update_parameters(model)
        if step < 2:
            first.update_parameters(model)
        if step == 1:
            second = average_of(model, 0.9)
            second.module.load_state_dict(first.module.state_dict())
            resume_at(second, 2)
        if step >= 2:
            second.update_parameters(model)
    assert second.module.weight.item() == whole.module.weight.item()


def test_counts_are_taken_over_as_they_are() -> None:
    model = nn.BatchNorm1d(1)
    mean = average_of(model, 0.9)
    model(torch.ones(4, 1))
    mean.update_parameters(model)
    assert mean.module.num_batches_tracked.item() == 1
