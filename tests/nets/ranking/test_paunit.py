import pytest
import torch
from torch import Tensor

from smalti.nets.ranking.paunit import PAUnit


def by_hand(unit: PAUnit, x: Tensor) -> Tensor:
    """One photo C,H,W, place by place."""
    first, _, second = unit.key
    inner, _, outer = unit.channel
    v = torch.empty_like(x)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            hidden = (first.weight[:, :, 0, 0] @ x[:, i, j] + first.bias).clamp_min(0)
            v[:, i, j] = (second.weight[:, :, 0, 0] @ hidden + second.bias) * x[:, i, j]
    pooled = torch.stack([plane.mean() + plane.max() for plane in v])
    z = outer.weight @ (inner.weight @ pooled + inner.bias).clamp_min(0) + outer.bias
    s = v.sum(0) / len(v) + v.max(0).values
    if unit.bounded:
        z, s = 1 / (1 + (-z).exp()), 1 / (1 + (-s).exp())
    else:
        s = s.clamp_min(0)
    return torch.cat([(z[:, None, None] * x).mean((1, 2)), (s * x).mean((1, 2))])


@pytest.mark.parametrize("bounded", [True, False])
def test_the_formula(bounded: bool) -> None:
    torch.manual_seed(0)
    unit, x = PAUnit(32, bounded), torch.randn(2, 32, 5, 7)
    with torch.inference_mode():
        torch.testing.assert_close(unit(x), torch.stack([by_hand(unit, photo) for photo in x]), atol=1e-5, rtol=1e-4)


def test_three_stages_of_resnet50_give_7168_numbers() -> None:
    with torch.inference_mode():
        units = [PAUnit(channels)(torch.randn(1, channels, 2, 2)) for channels in (512, 1024, 2048)]
    assert torch.cat(units, 1).shape == (1, 7168)


def test_bounded_gates_never_amplify() -> None:
    torch.manual_seed(0)
    x = 50 * torch.rand(1, 16, 4, 4)
    with torch.inference_mode():
        largest = x.mean((2, 3)).repeat(1, 2)
        assert (PAUnit(16)(x) <= largest).all() and (PAUnit(16, bounded=False)(x).abs() > largest).any()
