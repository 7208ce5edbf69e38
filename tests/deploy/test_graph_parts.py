"""The parts of nets that are hard to write as a graph for any size, in one small net: a capture takes seconds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.deploy.onnx import ExportedNet, export_model
from smalti.deploy.parity import LIMIT, blobs
from smalti.nets.backbones.mit import Attention
from smalti.nets.layers import ConvNorm, resize
from smalti.nets.segmentation import ddrnet
from smalti.nets.segmentation.unetformer import GlobalLocalAttention
from smalti.runtime.open import open_model

pytestmark = pytest.mark.slow  # writing a graph takes seconds

CHANNELS = 16


class Parts(nn.Module):
    """Raw pixels to classes, through maps of stride 8, 32 and 64: a small image's deepest map is one pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.eighth, self.thirtysecond = ConvNorm(3, CHANNELS, 9, 8), ConvNorm(CHANNELS, CHANNELS, 5, 4)
        self.deep = nn.Sequential(ConvNorm(CHANNELS, CHANNELS, 3, 2), ddrnet.DAPPM(CHANNELS, 8, CHANNELS))
        self.windows, self.attention = GlobalLocalAttention(CHANNELS), Attention(CHANNELS, 2, 4)
        self.classes = nn.Conv2d(CHANNELS, 3, 1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        detail = self.eighth(image / 255)
        semantic = self.thirtysecond(detail)  # one window in the example, more at other sizes
        semantic = semantic + self.windows(semantic)
        semantic = semantic + resize(self.deep(semantic), semantic)
        detail = detail + self.attention(detail.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return {"cover": resize(self.classes(detail + resize(semantic, detail)), image)}


def test_hard_parts_are_right_at_every_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ddrnet, "MEANS", ((17, 8),))  # the widest of its kind
    torch.manual_seed(0)
    net = Parts().train()
    for name, parameter in net.named_parameters():
        if name.endswith("preference"):
            parameter.data.normal_()
    card = Card(name="parts", net="parts", tasks=(Task(name="cover", labels=tuple("abc")),))
    with torch.no_grad():
        net(torch.from_numpy(blobs(card, (2, 256, 320), np.random.default_rng(0))).float())
        net.classes.weight *= 3
    path = tmp_path / "parts.onnx"
    assert export_model(net, card, path).difference < LIMIT
    predict = open_model(str(path), "onnx", threads=1)
    for shape in [(1, 33, 33), (2, 65, 64), (1, 96, 500), (3, 129, 40)]:
        pixels = blobs(card, shape, np.random.default_rng(1))
        with torch.inference_mode():
            (expected,) = ExportedNet(net.eval(), card)(torch.from_numpy(pixels).float())
        assert expected.std() > 0.01
        np.testing.assert_allclose(predict(pixels)["cover"], expected.numpy(), atol=LIMIT)
