from functools import partial

import pytest
import torch
import torch.nn.functional as F

from smalti.errors import ModelError
from smalti.nets.build import NETS
from smalti.nets.layers import halve
from smalti.nets.segmentation.segnet import unpool
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestSegNet(NetContract):
    make = staticmethod(partial(NETS["segnet"], width=0.125))


def test_size_and_cost_are_the_published_ones() -> None:
    # ENet's paper (Paszke et al., 2016), table of SegNet at 640x360: 29.46 M parameters, 286.03 G operations, two per
    # multiply-add; Cityscapes' 20 classes.
    with torch.device("meta"):
        net = NETS["segnet"](classes=20)
    assert parameters(net) == pytest.approx(29.46e6, rel=0.0005)
    assert 2 * giga(net, 360, 640) == pytest.approx(286.03, rel=0.005)


@pytest.mark.parametrize("size", [(1, 1), (4, 6), (5, 8), (7, 9)])
def test_unpooling_is_torchs_own(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    before = torch.randint(0, 3, (2, 3, *size)).float()  # many equal maxima
    pooled, indices = F.max_pool2d(before, 2, ceil_mode=True, return_indices=True)
    assert torch.equal(halve(before), pooled)
    x = torch.randn_like(pooled)
    flat = torch.zeros(2, 3, size[0] * size[1])
    expected = flat.scatter(2, indices.flatten(2), x.flatten(2)).view(2, 3, *size)
    assert torch.equal(unpool(x, pooled, before), expected)
    if size == (4, 6):
        assert torch.equal(F.max_unpool2d(x, indices, 2), expected)


def test_other_encoders_are_refused() -> None:
    with pytest.raises(ModelError, match="such as vgg16_bn, not 'resnet18'"):
        NETS["segnet"](classes=2, encoder="resnet18")
