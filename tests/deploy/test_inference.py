import pytest
import torch
from torch import nn

from smalti.deploy.inference import for_inference
from smalti.nets.layers import ConvNorm


def settled(net: nn.Module) -> nn.Module:
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.running_mean, module.weight, module.bias):
                nn.init.normal_(values)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
    return net.eval()


@pytest.mark.parametrize("padding", ["torch", "tf"])
def test_a_net_answers_alike_without_its_norms(padding: str) -> None:
    torch.manual_seed(0)
    net = settled(nn.Sequential(ConvNorm(3, 8, 3, 2, padding=padding), nn.Sequential(ConvNorm(8, 8, 3, groups=8))))  # type: ignore[arg-type]
    image = torch.randn(2, 3, 33, 21)
    fast = for_inference(net)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    torch.testing.assert_close(fast(image), net(image), rtol=1e-4, atol=1e-5)


def test_the_net_itself_stays_as_it_is() -> None:
    net = settled(ConvNorm(3, 8, 3))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for_inference(net)
    assert isinstance(net.norm, nn.BatchNorm2d)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_norms_elsewhere_stay() -> None:
    parallel = nn.ModuleList([nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)])
    first = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3))
    for net in (parallel, first):
        found = [type(module) for module in for_inference(net).modules()]
        assert found.count(nn.BatchNorm2d) == [type(module) for module in net.modules()].count(nn.BatchNorm2d)
