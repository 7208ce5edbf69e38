from functools import partial

import pytest
import torch

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import parameters


class TestPSPNet(NetContract):
    make = staticmethod(partial(NETS["pspnet"], encoder="resnet18", width=0.125))


class TestPSPNetOnVGG(NetContract):
    make = staticmethod(partial(NETS["pspnet"], encoder="vgg16", width=0.125))


class TestPSPNetOnVGGAtStride16(NetContract):
    make = staticmethod(partial(NETS["pspnet"], encoder="vgg16_bn", width=0.125, output_stride=16))


def test_size_is_the_published_one() -> None:
    with torch.device("meta"):
        net = NETS["pspnet"](classes=21)
    # 46.716 M on ResNet-50 with 21 classes and three 3x3 convolutions as stem: against one of 7x7 these hold 102,912
    # more in weights, 192 in norms, and feed 128 instead of 64 maps to two 1x1 convolutions, 20,480, and a norm, 128.
    assert parameters(net) == pytest.approx(46.716e6 - 123_712, rel=1e-5)


@pytest.mark.parametrize("encoder", ["vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "resnet50", "resnet101"])
def test_maps_come_at_an_eighth_on_every_encoder(encoder: str) -> None:
    with torch.device("meta"):
        net = NETS["pspnet"](classes=6, encoder=encoder)
    assert net.encoder.strides == (4, 8, 8, 8)
    assert net.head[0].conv.in_channels == 2 * net.encoder.channels[-1]
