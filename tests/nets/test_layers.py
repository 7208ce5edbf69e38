import itertools
import math
from inspect import signature
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.deploy.onnx import graph_of
from smalti.nets.backbones import BACKBONES
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.build import NETS
from smalti.nets.layers import ConvNorm, divisible, warp

SIZES = ((1, 1), (1, 7), (5, 5), (8, 13), (24, 16))


def slow_warp(x: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The definition, pixel by pixel, in float64; positions beyond the border are moved onto it."""
    out = np.zeros_like(x)
    images, _, height, width = x.shape
    for n, i, j in itertools.product(range(images), range(height), range(width)):
        row = min(max(i + flow[n, 1, i, j], 0.0), height - 1.0)
        column = min(max(j + flow[n, 0, i, j], 0.0), width - 1.0)
        top, left = math.floor(row), math.floor(column)
        for r, c in itertools.product((top, top + 1), (left, left + 1)):
            weight = (1 - abs(row - r)) * (1 - abs(column - c))
            if weight > 0:
                out[n, :, i, j] += weight * x[n, :, r, c]
    return out


def example(size: tuple[int, int], batch: int = 2) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(sum(size))
    x = torch.randn(batch, 3, *size, generator=draw)
    return x, 3 * torch.randn(batch, 2, *size, generator=draw)


@pytest.mark.parametrize("size", SIZES)
def test_warp_is_its_definition_at_every_size(size: tuple[int, int]) -> None:
    x, flow = example(size)
    expected = slow_warp(x.double().numpy(), flow.double().numpy())
    np.testing.assert_allclose(warp(x, flow).numpy(), expected, atol=1e-4)


def test_a_flow_of_whole_pixels_moves_whole_pixels() -> None:
    x = torch.arange(12.0).view(1, 1, 3, 4)
    flow = torch.zeros(1, 2, 3, 4)
    torch.testing.assert_close(warp(x, flow), x)
    flow[:, 0] = 1  # each pixel takes the one on its right
    torch.testing.assert_close(warp(x, flow)[..., :-1], x[..., 1:])
    torch.testing.assert_close(warp(x, flow)[..., -1], x[..., -1])


def export(
    module: nn.Module, inputs: tuple[Tensor, ...], path: Path, smallest: int = 33
) -> onnxruntime.InferenceSession:
    """As `smalti export` writes a net, with batch, height and width free; sides are at least `smallest`."""
    names = list(signature(module.forward).parameters)
    axes = {0: torch.export.Dim("batch", min=1), 2: torch.export.Dim("height", min=smallest)}
    axes[3] = torch.export.Dim("width", min=smallest)
    inputs_by_name = dict(zip(names, inputs, strict=True))
    onnx.save(graph_of(module.eval(), inputs_by_name, dict.fromkeys(names, axes), ["y"], "net"), path)
    return onnxruntime.InferenceSession(path)


class Warp(nn.Module):
    def forward(self, x: Tensor, flow: Tensor) -> Tensor:
        return warp(x, flow)


@pytest.mark.slow
def test_warp_is_its_definition_in_onnx_too(tmp_path: Path) -> None:
    session = export(Warp(), example((6, 10)), tmp_path / "warp.onnx", smallest=1)
    names = [tensor.name for tensor in session.get_inputs()]
    for size, batch in itertools.product(SIZES, (1, 3)):
        x, flow = example(size, batch)
        (found,) = session.run(None, dict(zip(names, (x.numpy(), flow.numpy()), strict=True)))
        np.testing.assert_allclose(found, slow_warp(x.double().numpy(), flow.double().numpy()), atol=1e-4)


class Small(Backbone):
    """Four strided convolutions: an export of a whole net within a test's time."""

    def __init__(self, bands: int, width: float) -> None:
        stages = [ConvNorm(a, 8, 3, s, padding="tf") for a, s in ((bands, 4), (8, 2), (8, 2), (8, 2))]
        super().__init__([nn.Sequential(stage) for stage in stages], [8] * 4)


class Only(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)["classes"]
        return logits


@pytest.mark.slow
def test_an_exported_net_is_right_at_other_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "small", Small)
    torch.manual_seed(0)
    net = NETS["ued_bes_sfm"](classes=3, encoder="small")
    nn.init.normal_(net.get_parameter("split.flow.weight"), std=1.0)  # flows of many pixels
    module = Only(net)
    session = export(module, (torch.rand(2, 3, 64, 96),), tmp_path / "net.onnx")
    for shape in ((1, 3, 64, 64), (3, 3, 128, 96), (1, 3, 45, 77)):
        x = torch.rand(shape)
        with torch.no_grad():
            expected = module(x).numpy()
        (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("side", [8, 9])
def test_tf_padding_begins_strided_windows_at_the_first_pixel(side: int) -> None:
    layer = ConvNorm(1, 1, 3, 2, act=None, padding="tf").eval()
    nn.init.ones_(layer.conv.weight)
    x = torch.rand(1, 1, side, side)
    y = layer(x)
    assert y.shape[-1] == (side + 1) // 2
    sums = y * math.sqrt(1 + layer.norm.eps)
    torch.testing.assert_close(sums[0, 0, 1, 2], x[0, 0, 2:5, 4:7].sum())
    torch.testing.assert_close(sums[0, 0, -1, -1], x[0, 0, 2 * (y.shape[-1] - 1) :, 2 * (y.shape[-1] - 1) :].sum())


@pytest.mark.parametrize("act", [nn.ReLU, nn.ReLU6])
def test_an_activation_that_overwrites_gives_the_same_numbers_and_gradients(act: type[nn.Module]) -> None:
    layer = ConvNorm(3, 4, 3, act=act)
    nn.init.constant_(layer.norm.weight, 4.0)  # so that some values are above 6
    x = example((9, 7))[0]
    normed = layer.norm(layer.conv(x))
    plain = F.relu6(normed) if act is nn.ReLU6 else F.relu(normed)
    found = layer(x)
    assert torch.equal(found, plain)
    gradients = [torch.autograd.grad(y.square().sum(), list(layer.parameters())) for y in (found, plain)]
    for one, other in zip(*gradients, strict=True):
        assert torch.equal(one, other)


def test_an_activation_takes_no_memory_of_its_own() -> None:
    layer, kept = ConvNorm(3, 4, act=nn.ReLU6), []
    layer.norm.register_forward_hook(lambda norm, inputs, output: kept.append(output.data_ptr()))
    assert layer(torch.ones(2, 3, 5, 5)).data_ptr() == kept[0]


def test_channels_are_rounded_but_never_cut_by_more_than_a_tenth() -> None:
    assert [divisible(c, 4) for c in (1, 18, 20.8, 62.4)] == [4, 20, 20, 64]
    assert divisible(9, 8) == 16
