from torch import nn

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestFastSCNN(NetContract):
    make = staticmethod(NETS["fastscnn"])


def test_size_is_the_published_one() -> None:
    net = NETS["fastscnn"](classes=19)
    norms = sum(x.numel() for m in net.modules() if isinstance(m, nn.BatchNorm2d) for x in m.parameters())
    heads = sum(x.numel() for m in net.aux_heads.modules() if isinstance(m, nn.BatchNorm2d) for x in m.parameters())
    # "1.11 million parameters" (section 1 of the paper, 19 classes) is without batch norms; with them it is 1.14.
    assert parameters(net) == 1_137_795
    assert round((parameters(net) - (norms - heads)) / 1e6, 2) == 1.11
    # The paper states no multiply-adds; this is ours.
    assert abs(giga(net, 1024, 2048) - 6.71) < 0.01
