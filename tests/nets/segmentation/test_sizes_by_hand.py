"""Sizes of those pairs of encoder and decoder that nobody has published: the encoder, held elsewhere to what was
published of it, and its decoder counted by hand. Each formula also counts a pair that was published, whose own test
holds the sum."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch

from smalti.nets.build import NETS
from tests.nets.segmentation.published import parameters

CLASSES = 6
NORM = 2  # a weight and a bias per channel
RESNETS, VGGS = ["resnet18", "resnet34", "resnet50", "resnet101"], ["vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]


def size(name: str, classes: int = CLASSES, **options: object) -> tuple[int, Sequence[int]]:
    """Parameters beside the encoder's, and the encoder's channels."""
    with torch.device("meta"):
        net = NETS[name](classes=classes, **options)
    return parameters(net) - sum(p.numel() for p in net.encoder.parameters()), net.encoder.channels


def ued(channels: Sequence[int]) -> int:
    """A 3x3 and a 1x1 convolution per step up, with bias and norm; two 3x3 ones with norm, the classes without bias."""
    total = 0
    for shallow, deep in pairwise(channels):
        total += (9 * deep + 1 + NORM) * shallow + (2 * shallow + 1 + NORM) * shallow
    c = channels[0]
    return total + 2 * (9 * c + NORM) * c + c * CLASSES


def pspnet(deep: int, classes: int) -> int:
    """Four means to a quarter of the channels, a 3x3 convolution of all to a quarter, the classes."""
    quarter = deep // 4
    return 4 * (deep + NORM) * quarter + (9 * 2 * deep + NORM) * quarter + (quarter + 1) * classes


def deeplab(shallow: int, deep: int, classes: int) -> int:
    """A 1x1, three 3x3 convolutions and the mean, fused; the shallow map to 48; two 3x3 convolutions, the classes."""
    branches = (deep + 3 * 9 * deep + deep + 5 * NORM) * 256 + (5 * 256 + NORM) * 256
    return branches + (shallow + NORM) * 48 + (9 * (256 + 48) + 9 * 256 + 2 * NORM) * 256 + 257 * classes


def lraspp(shallow: int, deep: int, classes: int) -> int:
    """Two 1x1 convolutions to 128, one of them with a norm; the classes of both maps."""
    return (2 * deep + NORM) * 128 + (128 + 1 + shallow + 1) * classes


@pytest.mark.parametrize("encoder", ["ghostnet", *RESNETS])
def test_ued(encoder: str) -> None:
    ours, channels = size("ued", encoder=encoder)
    assert ours == ued(channels)


@pytest.mark.parametrize("encoder", ["resnet50", "resnet101", *VGGS])
@pytest.mark.parametrize("output_stride", [8, 16])
def test_pspnet(encoder: str, output_stride: int) -> None:
    ours, channels = size("pspnet", encoder=encoder, output_stride=output_stride)
    assert ours == pspnet(channels[-1], CLASSES)


@pytest.mark.parametrize("encoder", ["resnet50", "mobilenetv2", "mobilenetv3_large"])
@pytest.mark.parametrize("output_stride", [8, 16])
def test_deeplab(encoder: str, output_stride: int) -> None:
    ours, channels = size("deeplabv3plus", encoder=encoder, output_stride=output_stride)
    assert ours == deeplab(channels[0], channels[-1], CLASSES)


@pytest.mark.parametrize("encoder", ["mobilenetv3_large", "mobilenetv2"])
def test_lraspp(encoder: str) -> None:
    ours, channels = size("lraspp", encoder=encoder)
    assert ours == lraspp(channels[1], channels[-1], CLASSES)
