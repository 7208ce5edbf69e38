from functools import partial

import pytest
import torch
from torch import nn

from smalti.nets.build import NETS
from tests.nets.contract import NetContract


class TestUED(NetContract):
    make = staticmethod(NETS["ued"])


class TestUEDOnMobileNetV2(NetContract):
    make = staticmethod(partial(NETS["ued"], encoder="mobilenetv2"))


class TestUEDOnMobileNetV2AsTensorFlowPads(NetContract):
    make = staticmethod(partial(NETS["ued"], encoder="mobilenetv2_tf"))


class TestUEDBES(NetContract):
    make = staticmethod(NETS["ued_bes"])


class TestUEDBESSFM(NetContract):
    make = staticmethod(NETS["ued_bes_sfm"])


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def multiply_adds(net: nn.Module, side: int) -> int:
    """Of the convolutions, all heads of training included, for one image; counted without computing."""
    total = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        total += output.numel() * module.weight[0].numel()

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        net.to("meta").train()(torch.zeros(1, 3, side, side, device="meta"))
    return total


# net: parameters, multiply-adds in G at 512x512; six classes, GhostNet 1.0
PUBLISHED = {"ued": (2_767_252, 1.38), "ued_bes": (2_822_393, 2.12), "ued_bes_sfm": (2_833_409, 2.30)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_size_and_cost_are_the_published_ones(name: str) -> None:
    size, cost = PUBLISHED[name]
    net = NETS[name](classes=6)
    assert parameters(net) == size
    assert multiply_adds(net, 512) / 1e9 == pytest.approx(cost, rel=0.005)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("encoder", ["mobilenetv2", "mobilenetv2_tf"])
def test_on_mobilenetv2_they_stay_light(name: str, encoder: str) -> None:
    assert parameters(NETS[name](classes=5, encoder=encoder)) <= 3_000_000


@pytest.mark.parametrize("name", ["ued_bes", "ued_bes_sfm"])
def test_body_and_edge_heads_are_for_training_only(name: str) -> None:
    net = NETS[name](classes=3, task="cover")
    assert set(net.train()(torch.rand(2, 3, 64, 64))) == {"cover", "cover/body", "cover/edge"}
    assert set(net.eval()(torch.rand(2, 3, 64, 64))) == {"cover"}
