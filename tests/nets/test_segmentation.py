from functools import partial

import pytest
import torch

from smalti.nets.backbones import make_backbone
from smalti.nets.build import NETS
from smalti.nets.cost import count
from tests.nets.contract import NetContract


class TestUED(NetContract):
    make = staticmethod(NETS["ued"])


class TestUEDOnMobileNetV2(NetContract):
    make = staticmethod(partial(NETS["ued"], encoder="mobilenetv2"))


class TestUEDOnMobileNetV2AsTensorFlowPads(NetContract):
    make = staticmethod(partial(NETS["ued"], encoder="mobilenetv2_tf"))


class TestSegResNet(NetContract):
    make = staticmethod(partial(NETS["segresnet18"], width=0.125))


class TestUEDBES(NetContract):
    make = staticmethod(NETS["ued_bes"])


class TestUEDBESSFM(NetContract):
    make = staticmethod(NETS["ued_bes_sfm"])


# net: parameters, multiply-adds in G at 512x512; six classes, GhostNet 1.0
PUBLISHED = {"ued": (2_767_252, 1.38), "ued_bes": (2_822_393, 2.12), "ued_bes_sfm": (2_833_409, 2.30)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_size_and_cost_are_the_published_ones(name: str) -> None:
    size, cost = PUBLISHED[name]
    with torch.device("meta"):
        net = NETS[name](classes=6)
    assert count(net, 64, 64).parameters == size
    # The published costs take in the heads of training.
    assert count(net.train(), 512, 512).multiply_adds / 1e9 == pytest.approx(cost, rel=0.005)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("encoder", ["mobilenetv2", "mobilenetv2_tf"])
def test_on_mobilenetv2_they_stay_light(name: str, encoder: str) -> None:
    with torch.device("meta"):
        net = NETS[name](classes=5, encoder=encoder)
    assert sum(p.numel() for p in net.parameters()) <= 3_000_000


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
def test_segresnet_is_the_decoder_on_resnet(depth: int) -> None:
    with torch.device("meta"):
        net, encoder = NETS[f"segresnet{depth}"](classes=6), make_backbone(f"resnet{depth}", 3, 1.0)
    assert [p.shape for p in net.encoder.parameters()] == [p.shape for p in encoder.parameters()]
    assert net.decoder.head[-1].weight.shape == (6, encoder.channels[0], 1, 1)


@pytest.mark.parametrize("name", ["ued_bes", "ued_bes_sfm"])
def test_body_and_edge_heads_are_for_training_only(name: str) -> None:
    net = NETS[name](classes=3, task="cover")
    assert set(net.train()(torch.rand(2, 3, 64, 64))) == {"cover", "cover/body", "cover/edge"}
    assert set(net.eval()(torch.rand(2, 3, 64, 64))) == {"cover"}
