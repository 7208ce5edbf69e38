"""EfficientNet-Lite0 against a forward pass in NumPy that reads the weights under the names they are published with."""

import itertools
from functools import partial
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from smalti.errors import ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.build import NETS
from smalti.nets.layers import ConvNorm
from smalti.nets.weights import load_encoder
from tests.nets.contract import NetContract

PUBLISHED = "weights/efficientnet-lite/efficientnet_lite0_imagenet_fp16.pth"
NAMES = Path(__file__).parents[1] / "names" / "efficientnet_lite_pytorch_lite0.txt"
# The 16 blocks of the authors' table: kernel and stride.
BLOCKS = [(3, 1), (3, 2), (3, 1), (5, 2), (5, 1), (3, 2), (3, 1), (3, 1), (5, 1), (5, 1), (5, 1), (5, 2)]
BLOCKS += [(5, 1), (5, 1), (5, 1), (3, 1)]
TAPS = (2, 4, 10, 15)
"""The blocks whose outputs are the encoder's maps."""


class TestUEDOnEfficientNetLite(NetContract):
    make = staticmethod(partial(NETS["ued"], encoder="efficientnet_lite0"))


@pytest.mark.parametrize("name", ["ued", "ued_bes", "ued_bes_sfm"])
def test_on_it_the_light_nets_stay_below_four_million_parameters(name: str) -> None:
    with torch.device("meta"):
        net = NETS[name](classes=5, encoder="efficientnet_lite0")
    assert sum(p.numel() for p in net.parameters()) <= 4_000_000


@pytest.mark.parametrize("name", [name for name in NETS if "encoder" in signature(NETS[name]).parameters])
def test_every_net_with_a_choice_of_encoder_takes_it(name: str) -> None:
    if name == "segnet":
        with pytest.raises(ModelError, match="SegNet needs a VGG encoder"):
            NETS[name](classes=2, encoder="efficientnet_lite0")
        return
    with torch.device("meta"):
        net = NETS[name](classes=2, encoder="efficientnet_lite0", width=0.25).eval()
        assert net(torch.rand(1, 3, 45, 70))["classes"].shape == (1, 2, 45, 70)


def same_convolution(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's SAME by its definition: C,H,W by outputs,inputs,k,k; one input per kernel is depthwise."""
    k = kernel.shape[-1]
    sides = x.shape[1:]
    out = [-(-side // stride) for side in sides]
    totals = [max((o - 1) * stride + k - side, 0) for o, side in zip(out, sides, strict=True)]
    padded = np.pad(x, [(0, 0), *[(total // 2, total - total // 2) for total in totals]])
    y = 0.0
    for i, j in itertools.product(range(k), range(k)):
        part = padded[:, i : i + (out[0] - 1) * stride + 1 : stride, j : j + (out[1] - 1) * stride + 1 : stride]
        weights = kernel[:, :, i, j]
        y = y + (weights[:, 0, None, None] * part if weights.shape[1] == 1 else np.tensordot(weights, part, 1))
    return np.asarray(y)


def normed(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    scale = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + 1e-3)
    shift = weights[f"{name}.bias"] - scale * weights[f"{name}.running_mean"]
    return np.asarray(x * scale[:, None, None] + shift[:, None, None])


def slow_maps(x: np.ndarray, weights: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The encoder's maps of one image 3,H,W."""
    x = normed(same_convolution(x, weights["_conv_stem.weight"], 2), weights, "_bn0").clip(0, 6)
    taps = []
    for number, (_, stride) in enumerate(BLOCKS):
        block, y = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in weights:
            y = normed(same_convolution(y, weights[f"{block}._expand_conv.weight"], 1), weights, f"{block}._bn0")
            y = y.clip(0, 6)
        y = normed(same_convolution(y, weights[f"{block}._depthwise_conv.weight"], stride), weights, f"{block}._bn1")
        y = normed(
            same_convolution(y.clip(0, 6), weights[f"{block}._project_conv.weight"], 1), weights, f"{block}._bn2"
        )
        x = x + y if y.shape == x.shape else y
        if number in TAPS:
            taps.append(x)
    return taps


def published(seed: int) -> dict[str, Tensor]:
    """Random weights under the names and shapes of the published file."""
    draw = torch.Generator().manual_seed(seed)
    weights = {}
    for line in NAMES.read_text().splitlines():
        name, *shape = line.split()
        sides = [int(side) for side in shape]
        value = torch.randn(sides, generator=draw)
        fan = int(np.prod(sides[1:])) if len(sides) > 1 else 2
        weights[name] = value.square() + 0.5 if name.endswith("running_var") else value * (2 / fan) ** 0.5
    return weights


def check(path: Path, weights: dict[str, Tensor], size: tuple[int, int]) -> None:
    encoder = make_backbone("efficientnet_lite0", 3, 1.0).eval()
    load_encoder(encoder, path)
    image = torch.randn(3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = encoder(image[None])
    expected = slow_maps(image.double().numpy(), {name: value.double().numpy() for name, value in weights.items()})
    for tap, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(tap[0].numpy(), other, rtol=0, atol=1e-5 * np.abs(other).max())


@pytest.mark.parametrize("size", [(64, 64), (45, 35), (33, 34)])
def test_it_computes_what_its_weights_were_published_for(size: tuple[int, int], tmp_path: Path) -> None:
    weights = published(seed=0)
    save_file(weights, tmp_path / "w.safetensors")
    check(tmp_path / "w.safetensors", weights, size)


def test_the_genuine_imagenet_weights_too(shared_data: Path) -> None:
    weights = torch.load(shared_data / PUBLISHED, weights_only=True)
    check(shared_data / PUBLISHED, weights, (75, 96))


@pytest.mark.parametrize(("kernel", "side"), list(itertools.product((3, 5), range(1, 10))))
def test_same_padding_is_tensorflows_at_every_side(kernel: int, side: int) -> None:
    layer = ConvNorm(2, 3, kernel, 2, act=None, padding="same").eval()
    x = torch.randn(1, 2, side, side + 1)
    with torch.no_grad():
        found = layer(x)[0].numpy() * (1 + layer.norm.eps) ** 0.5
    expected = same_convolution(x[0].double().numpy(), layer.conv.weight.detach().double().numpy(), 2)
    np.testing.assert_allclose(found, expected, atol=1e-5)
