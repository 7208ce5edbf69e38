import pytest
import torch

from smalti.losses import Labels
from smalti.losses.boundary import Edge
from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestPIDNetS(NetContract):
    make = staticmethod(NETS["pidnet_s"])


def test_size_and_cost_are_the_published_ones() -> None:
    # The paper's table of Cityscapes: 7.6 M parameters, 47.6 G at 1024x2048; 19 classes, without the heads of training.
    # The authors' own code has 47.2 G of convolutions: what else their counter took is 1 %.
    net = NETS["pidnet_s"](classes=19)
    assert parameters(net) == 7_625_715
    assert giga(net, 1024, 2048) == pytest.approx(47.6, rel=0.01)


def test_the_boundary_head_learns_by_the_loss_of_edges() -> None:
    torch.manual_seed(0)
    net = NETS["pidnet_s"](classes=3, task="cover").train()
    classes = torch.randint(0, 3, (2, 64, 64))
    Edge()(net(torch.randn(2, 3, 64, 64)), Labels(classes, classes >= 0), "cover").backward()
    assert net.edge_head[-1].weight.grad.abs().max() > 0
