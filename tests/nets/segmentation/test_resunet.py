from functools import partial

import torch

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import parameters


class TestResUNet(NetContract):
    make = staticmethod(partial(NETS["resunet"], width=0.25))


def by_hand(classes: int) -> int:
    """Level by level: two 3x3 convolutions and norms, whose input stays beside their output."""

    def block(inputs: int, channels: int) -> int:
        return 9 * inputs * channels + 9 * channels * channels + 2 * channels + 4 * channels

    total, inputs, skips = 0, 3, []
    for channels in (32, 64, 128, 256, 512):
        total += block(inputs, channels)
        inputs += channels
        skips.append((channels, inputs))
    skips.pop()
    for channels, skip in reversed(skips):
        total += 4 * inputs * channels + channels + block(skip + channels, channels)
        inputs = skip + 2 * channels
    return total + inputs * classes + classes


def test_size_is_that_of_its_table() -> None:
    # Nothing was published; the tile segmentation's own table of four levels, 32 filters and a residual centre.
    for classes, known in ((6, 10_725_496), (2, 10_725_096)):
        with torch.device("meta"):
            assert parameters(NETS["resunet"](classes=classes)) == by_hand(classes) == known
