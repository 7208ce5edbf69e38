from functools import partial

import pytest
import torch

from smalti.nets.build import NETS
from smalti.nets.layers import resize
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import parameters


class TestFCN32s(NetContract):
    make = staticmethod(partial(NETS["fcn32s"], width=0.125, hidden=16))


class TestFCN8s(NetContract):
    make = staticmethod(partial(NETS["fcn8s"], width=0.125, hidden=16))


class TestFCN16sOnResNet18(NetContract):
    make = staticmethod(partial(NETS["fcn16s"], encoder="resnet18", width=0.125, hidden=16))


def test_size_is_the_published_one() -> None:
    with torch.device("meta"):
        nets = [NETS[name](classes=21) for name in ("fcn32s", "fcn16s", "fcn8s")]
    # The paper's table 1: FCN-VGG16 has 134 M, PASCAL's 21 classes.
    assert [parameters(net) for net in nets] == [134_346_581, 134_357_354, 134_362_751]


@pytest.mark.parametrize(("name", "strides"), [("fcn32s", []), ("fcn16s", [16]), ("fcn8s", [16, 8])])
def test_the_finer_maps_are_scored_that_its_name_says(name: str, strides: list[int]) -> None:
    torch.manual_seed(0)
    net = NETS[name](classes=2, encoder="resnet18", width=0.125, hidden=8).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        net.classifier[-1].weight.zero_()
        expected = torch.zeros(1, 2, 2, 2)
        for stride, score in zip(strides, net.scores, strict=True):
            tap = net.encoder(image)[net.encoder.strides.index(stride)]
            expected = resize(expected, tap) + score(tap)
        torch.testing.assert_close(net(image)["classes"], resize(expected, image))
