"""The classic nets answer in ONNX Runtime as in torch, at sizes that it was not exported at."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from smalti.nets.backbones import BACKBONES, vgg
from smalti.nets.build import NETS
from smalti.nets.segmentation import resunet
from tests.nets.test_layers import Only, Small, export

pytestmark = pytest.mark.slow  # writing a graph takes seconds

# Light encoders and few levels: a capture's time grows with its steps, and what is tried is what the decoders add.
# U-Net goes down and up as the residual one does, and FCN only enlarges and adds, as UED and LR-ASPP do.
SMALL = {"encoder": "small"}
LIGHT = {
    "segnet": {"width": 0.125},
    "resunet": {"width": 0.25},
    "pspnet": SMALL,
    "deeplabv3plus": SMALL,
    "lraspp": SMALL,
}
SHAPES = ((1, 3, 64, 64), (3, 3, 128, 96), (1, 3, 45, 77))


def settled(net: nn.Module) -> nn.Module:
    """One step in training gives batch norms the statistics that keep numbers of size 1."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(torch.randn(2, 3, 64, 96))
    return net.eval()


@pytest.mark.parametrize("name", LIGHT)
def test_the_graph_answers_like_the_net(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "small", Small)
    monkeypatch.setattr(vgg, "DEPTHS", {16: (1, 1, 1, 1, 1)})
    monkeypatch.setattr(resunet, "CHANNELS", (32, 64))
    torch.manual_seed(0)
    module = Only(settled(NETS[name](classes=3, **LIGHT[name])))
    session = export(module, (torch.rand(2, 3, 64, 96),), tmp_path / "net.onnx")
    for shape in SHAPES:
        x = torch.randn(shape)
        with torch.no_grad():
            expected = module(x).numpy()
        (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
