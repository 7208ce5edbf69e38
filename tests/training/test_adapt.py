"""Batch norms re-estimated from images of a place."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from smalti.training.adapt import reestimate


def net() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(4, 2, 1))
    model[1].running_mean.fill_(7)
    model[1].running_var.fill_(3)
    return model


def batches() -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        yield torch.randn(4, 3, 8, 8, generator=generator) * 5 + 2


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_statistics_go_a_share_of_the_way_to_those_of_the_images(share: float) -> None:
    model = net()
    weights = {name: value.clone() for name, value in model.state_dict().items() if "running" not in name}
    inner = [model[0](batch).detach().movedim(1, 0).flatten(1) for batch in batches()]
    assert reestimate(model, batches(), share) == 1
    for name, former, of in (("running_mean", 7, Tensor.mean), ("running_var", 3, Tensor.var)):
        theirs = torch.stack([of(part, 1) for part in inner]).mean(0)
        torch.testing.assert_close(getattr(model[1], name), former + share * (theirs - former))
    assert not model.training and not model[1].training and model[1].momentum == 0.1
    for name, value in weights.items():
        if "tracked" not in name:
            assert torch.equal(model.state_dict()[name], value), name


def test_without_images_the_model_is_as_it_was() -> None:
    model = net()
    with pytest.raises(ValueError, match="no batch to re-estimate the statistics from"):
        reestimate(model, [])
    assert (model[1].running_mean == 7).all() and (model[1].running_var == 3).all()
