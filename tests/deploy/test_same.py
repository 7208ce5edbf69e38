"""SAME padding in a graph: an attribute of the convolutions, right at every size and on every engine."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.deploy.onnx import ExportedNet, export_model
from smalti.deploy.parity import LIMIT, blobs
from smalti.nets.layers import ConvNorm, SamePad, resize
from smalti.runtime.open import open_model
from tests.needs import need_engine

pytestmark = pytest.mark.slow  # writing a graph takes seconds

CHANNELS = 8


class Strided(nn.Module):
    """Raw pixels to classes through strides of kernels 3 and 5, and one that gave up its stride and keeps its zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            ConvNorm(3, CHANNELS, 3, 2, padding="same"), ConvNorm(CHANNELS, CHANNELS, 5, 2, CHANNELS, padding="same")
        )
        self.fine = ConvNorm(CHANNELS, CHANNELS, 5, 2, padding="same")
        self.fine.conv.stride, self.fine.pad = (1, 1), SamePad(5, strided=False)
        self.classes = nn.Conv2d(CHANNELS, 3, 1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"cover": resize(self.classes(self.fine(self.down(image / 255))), image)}


def test_the_graph_names_it_and_answers_alike_at_every_size_and_engine(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Strided()
    card = Card(name="same", net="same", tasks=(Task(name="cover", labels=tuple("abc")),))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(torch.from_numpy(blobs(card, (2, 256, 320), np.random.default_rng(0))).float())
        net.classes.weight *= 3
    path = tmp_path / "same.onnx"
    assert export_model(net, card, path).difference < LIMIT
    nodes = onnx.load(path).graph.node
    named = [node for node in nodes for a in node.attribute if a.name == "auto_pad" and a.s == b"SAME_UPPER"]
    assert [node.op_type for node in named] == ["Conv", "Conv"]
    assert sum(node.op_type == "Pad" for node in nodes) == 1  # of the convolution that gave up its stride
    for engine in ("onnx", "openvino"):
        need_engine(engine)
        predict = open_model(str(path), engine, threads=1)  # type: ignore[arg-type]
        for shape in [(1, 33, 35), (2, 37, 64), (1, 96, 50), (3, 39, 41)]:
            pixels = blobs(card, shape, np.random.default_rng(1))
            with torch.inference_mode():
                (expected,) = ExportedNet(net.eval(), card)(torch.from_numpy(pixels).float())
            np.testing.assert_allclose(predict(pixels)["cover"], expected.numpy(), atol=LIMIT)
