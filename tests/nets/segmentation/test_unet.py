from functools import partial

import torch

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import parameters


class TestUNet(NetContract):
    make = staticmethod(partial(NETS["unet"], width=0.125))


def test_size_is_the_published_one() -> None:
    with torch.device("meta"):
        net = NETS["unet"](classes=2, bands=1)
    # 31.03 M, one band and two classes. The paper's convolutions have a bias where ours have a norm: 5,888 more.
    assert parameters(net) == 31_030_658 + 5_888
