from functools import partial

import pytest
import torch

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestLRASPP(NetContract):
    make = staticmethod(partial(NETS["lraspp"], width=0.5))


class TestLRASPPOnMobileNetV2(NetContract):
    make = staticmethod(partial(NETS["lraspp"], encoder="mobilenetv2", width=0.25))


def test_size_and_cost_are_the_published_ones() -> None:
    # torchvision 0.28 states 3,221,538 parameters and 2.086 G at 520x520 for 21 classes; its counter takes biases too.
    with torch.device("meta"):
        net = NETS["lraspp"](classes=21)
    assert parameters(net) == 3_221_538
    assert giga(net, 520, 520) == pytest.approx(2.086, rel=0.005)
