from functools import partial

import torch
from torch import nn

from smalti.nets.build import NETS
from smalti.nets.cost import count
from tests.nets.contract import NetContract


class TestFPN(NetContract):
    make = staticmethod(NETS["fpn"])


class TestFPNOnMobileNetV2(NetContract):
    make = staticmethod(partial(NETS["fpn"], encoder="mobilenetv2", width=0.25))


def test_size_and_cost_are_those_counted_by_hand() -> None:
    with torch.device("meta"):
        net = NETS["fpn"](classes=5)
    norm, stem = 2, (9 * 3 + 2) * 16 + (9 * 16 + 2) * 32
    blocks = 2 * (9 * 32 + norm) * 32
    for before, channels in ((32, 64), (64, 128), (128, 256)):
        blocks += (9 * before + norm + 3 * (9 * channels + norm) + before + norm) * channels
    laterals = sum((channels + norm) * channels for channels in (128, 64, 32))
    levels = (256 + norm) * 128 + (9 * 128 + norm) * 64 + (9 * 64 + norm) * 32
    head = (9 * 32 + norm) * 32 + (32 + 1) * 5
    cost = count(net.eval(), 512, 512)
    assert cost.parameters == stem + blocks + laterals + levels + head == 2_937_461
    assert round(cost.multiply_adds / 1e9, 2) == 2.38


def test_most_of_the_work_is_done_at_stride_8_and_deeper() -> None:
    with torch.device("meta"):
        encoder = NETS["fpn"](classes=5).encoder
    whole, first = count(encoder, 512, 512).multiply_adds, count(encoder.stages[0], 512, 512).multiply_adds
    assert first < whole / 4


def test_each_convolution_is_dense_and_maps_are_only_added() -> None:
    net = NETS["fpn"](classes=5).eval()
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert all(conv.groups == 1 and max(conv.kernel_size) <= 3 for conv in convolutions)
    ops = {str(node.target) for node in torch.export.export(net, (torch.rand(1, 3, 64, 64),)).graph.nodes}
    assert "aten.add.Tensor" in ops and not ops & {"aten.cat.default", "aten.mul.Tensor", "aten.mean.dim"}
