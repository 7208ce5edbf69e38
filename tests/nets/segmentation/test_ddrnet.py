import pytest

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestDDRNet23Slim(NetContract):
    make = staticmethod(NETS["ddrnet23_slim"])


def test_size_and_cost_are_the_published_ones() -> None:
    # The paper's table of Cityscapes: 5.7 M parameters, 36.3 G at 1024x2048; 19 classes, without the auxiliary head.
    net = NETS["ddrnet23_slim"](classes=19)
    assert parameters(net) == 5_695_987
    assert giga(net, 1024, 2048) == pytest.approx(36.3, rel=0.002)
