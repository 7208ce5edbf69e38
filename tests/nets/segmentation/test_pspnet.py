from functools import partial

import pytest
import torch

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestPSPNet(NetContract):
    make = staticmethod(partial(NETS["pspnet"], encoder="resnet18", width=0.125))


class TestPSPNetOnVGG(NetContract):
    make = staticmethod(partial(NETS["pspnet"], encoder="vgg16", width=0.125))


class TestPSPNetOnVGGAtStride16(NetContract):
    make = staticmethod(partial(NETS["pspnet"], encoder="vgg16_bn", width=0.125, output_stride=16))


# What a stem of three 3x3 convolutions to 64, 64 and 128 maps, as the published ones have, takes beyond ours of 7x7 to
# 64: in its weights, in its norms, and in the two 1x1 convolutions that it feeds.
STEM = 9 * (3 * 64 + 64 * 64 + 64 * 128) - 49 * 3 * 64 + 2 * (64 + 128) + 64 * (64 + 256)


@pytest.mark.parametrize(("encoder", "published"), [("resnet50", 46_716_373), ("resnet101", 65_708_501)])
def test_size_is_the_published_one(encoder: str, published: int) -> None:
    # osmr/imgclsmob: without the auxiliary head, 21 classes.
    with torch.device("meta"):
        net = NETS["pspnet"](classes=21, encoder=encoder)
    assert parameters(net) == published - STEM


def test_cost_is_the_published_one() -> None:
    # Open Model Zoo, pspnet-pytorch: 357.17 G operations at 512x512, two per multiply-add. Its stem of three 3x3
    # convolutions goes to 32, 32 and 64 maps.
    with torch.device("meta"):
        net = NETS["pspnet"](classes=21)
    stem = (9 * (3 * 32 + 32 * 32 + 32 * 64) - 49 * 3 * 64) * 256 * 256
    assert 2 * (giga(net, 512, 512) + stem / 1e9) == pytest.approx(357.17, rel=0.002)


@pytest.mark.parametrize("encoder", ["vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "resnet50", "resnet101"])
def test_maps_come_at_an_eighth_on_every_encoder(encoder: str) -> None:
    with torch.device("meta"):
        net = NETS["pspnet"](classes=6, encoder=encoder)
    assert net.encoder.strides == (4, 8, 8, 8)
    assert net.head[0].conv.in_channels == 2 * net.encoder.channels[-1]
