from functools import partial

import pytest
import torch
from torch import nn

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestDeepLabV3Plus(NetContract):
    make = staticmethod(partial(NETS["deeplabv3plus"], encoder="resnet50", width=0.125, multi_grid=(1, 2, 4)))


class TestDeepLabV3PlusAtStride8OnMobileNetV3(NetContract):
    make = staticmethod(partial(NETS["deeplabv3plus"], encoder="mobilenetv3_small", width=0.25, output_stride=8))


# encoder, classes: parameters and where they are told
PUBLISHED = {
    ("resnet50", 7): (40.3e6, "the satellite program's page: 40 M; 40.3 M counted"),
    ("resnet101", 21): (59.34e6, "jfzhang95/pytorch-deeplab-xception, whose decoder is the same"),
    ("mobilenetv2", 21): (5.81e6, "the same, on MobileNetV2 without its last convolution"),
}


@pytest.mark.parametrize(("encoder", "classes"), PUBLISHED)
def test_size_is_the_published_one(encoder: str, classes: int) -> None:
    with torch.device("meta"):
        net = NETS["deeplabv3plus"](classes=classes, encoder=encoder)
    assert parameters(net) == pytest.approx(PUBLISHED[encoder, classes][0], rel=0.002)


@pytest.mark.parametrize(("encoder", "cost"), [("resnet50", 62.7), ("resnet101", 83.4), ("mobilenetv2", 17.0)])
def test_cost_is_the_published_one(encoder: str, cost: float) -> None:
    # VainF/DeepLabV3Plus-Pytorch: at 513x513, stride 16, 21 classes, with one convolution less in the decoder.
    with torch.device("meta"):
        net = NETS["deeplabv3plus"](classes=21, encoder=encoder)
    second = 9 * 256 * 256 * 129 * 129 / 1e9
    assert giga(net, 513, 513) - second == pytest.approx(cost, rel=0.008)


def test_cost_is_that_of_the_satellite_program() -> None:
    # Its page: 40 M parameters and 266 G multiply-adds for one image of 1000x1000; ours are 40.35 M and 266.2 G.
    with torch.device("meta"):
        net = NETS["deeplabv3plus"](classes=7, multi_grid=(1, 2, 4))
    assert parameters(net) == 40_348_583
    assert giga(net, 1000, 1000) == pytest.approx(266, rel=0.001)


@pytest.mark.parametrize(("output_stride", "rates"), [(16, [2, 4, 8, 6, 12, 18]), (8, [4, 8, 16, 12, 24, 36])])
def test_rates_double_at_the_finer_stride(output_stride: int, rates: list[int]) -> None:
    net = NETS["deeplabv3plus"](classes=2, width=0.125, output_stride=output_stride, multi_grid=(1, 2, 4))
    parts = (net.encoder.stages[-1], net.decoder.aspp)
    convs = [m for part in parts for m in part.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert [conv.dilation[0] for conv in convs] == rates
