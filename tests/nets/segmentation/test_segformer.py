from functools import partial

import pytest
import torch

from smalti.nets.build import NETS
from tests.nets.contract import NetContract
from tests.nets.segmentation.published import giga, parameters


class TestSegFormerB0(NetContract):
    make = staticmethod(NETS["segformer"])


class TestSegFormerOnGhostNet(NetContract):
    make = staticmethod(partial(NETS["segformer"], encoder="ghostnet"))


def test_size_and_cost_are_the_published_ones() -> None:
    # The paper's table of sizes: B0 has 3.8 M parameters, takes 8.4 G at 512x512 with ADE20K's 150 classes, and 125.5 G
    # at 1024x2048 with Cityscapes' 19. On the hub nvidia/segformer-b0-finetuned-ade-512-512 has 3 752 694 parameters.
    ade, cityscapes = NETS["segformer"](classes=150), NETS["segformer"](classes=19)
    assert parameters(ade) == 3_752_694
    assert giga(ade, 512, 512) == pytest.approx(8.4, rel=0.005)
    # 3.6 % below. More than half of it are products of attention; what else their counter takes is not told.
    assert giga(cityscapes, 1024, 2048) == pytest.approx(125.5 * 0.964, rel=0.002)


def test_training_leaves_out_at_random_and_applying_does_not() -> None:
    torch.manual_seed(0)
    net, image = NETS["segformer"](classes=3), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert not torch.allclose(net.train()(image)["classes"], net(image)["classes"], atol=1e-2)
        torch.testing.assert_close(net.eval()(image)["classes"], net(image)["classes"])
