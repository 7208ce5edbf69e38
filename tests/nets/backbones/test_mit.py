from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.backbones.mit import Attention, DropPath
from smalti.nets.weights import load_encoder

CHANNELS, SHRINK, BLOCKS = (32, 64, 160, 256), (8, 4, 2, 1), 2


def layer(name: str, *shape: int) -> dict[str, Tensor]:
    return {f"{name}.weight": torch.randn(*shape), f"{name}.bias": torch.randn(shape[0])}


def published(authors: bool) -> dict[str, Tensor]:
    """Weights of B0 with their classifier, named as in the authors' code or as in transformers."""
    torch.manual_seed(0)
    weights: dict[str, Tensor] = {}
    inputs = 3
    for stage, (c, shrink) in enumerate(zip(CHANNELS, SHRINK, strict=True)):
        start = "" if authors else "segformer.encoder."
        patch = f"{start}patch_embed{stage + 1}" if authors else f"{start}patch_embeddings.{stage}"
        kernel = 3 if stage else 7
        weights |= layer(f"{patch}.proj", c, inputs, kernel, kernel)
        weights |= layer(f"{patch}.{'norm' if authors else 'layer_norm'}", c)
        for number in range(BLOCKS):
            block = f"{start}block{stage + 1}.{number}." if authors else f"{start}block.{stage}.{number}."
            weights |= published_block(block, authors, c, shrink)
        weights |= layer(f"{start}norm{stage + 1}" if authors else f"{start}layer_norm.{stage}", c)
        inputs = c
    return weights | layer("head" if authors else "classifier", 1000, inputs)


def published_block(start: str, authors: bool, c: int, shrink: int) -> dict[str, Tensor]:
    names = "norm1 attn.q attn.proj attn.sr attn.norm norm2 mlp.fc1 mlp.dwconv.dwconv mlp.fc2"
    if not authors:
        names = "layer_norm_1 attention.self.query attention.output.dense attention.self.sr attention.self.layer_norm "
        names += "layer_norm_2 mlp.dense1 mlp.dwconv.dwconv mlp.dense2"
    shapes = ((c,), (c, c), (c, c), (c, c, shrink, shrink), (c,), (c,), (4 * c, c), (4 * c, 1, 3, 3), (c, 4 * c))
    rows = [row for n, row in enumerate(zip(names.split(), shapes, strict=True)) if shrink > 1 or n not in (3, 4)]
    rows += [("attn.kv", (2 * c, c))] if authors else [(f"attention.self.{x}", (c, c)) for x in ("key", "value")]
    return {key: value for name, shape in rows for key, value in layer(f"{start}{name}", *shape).items()}


# ours, the authors', transformers'
PLACES = [
    ("stages.0.0.conv", "patch_embed1.proj", "patch_embeddings.0.proj"),
    ("stages.3.0.norm", "patch_embed4.norm", "patch_embeddings.3.layer_norm"),
    ("stages.1.3.norm", "norm2", "layer_norm.1"),
    ("stages.2.1.norm1", "block3.0.norm1", "block.2.0.layer_norm_1"),
    ("stages.2.1.norm2", "block3.0.norm2", "block.2.0.layer_norm_2"),
    ("stages.2.2.attention.norm", "block3.1.attn.norm", "block.2.1.attention.self.layer_norm"),
    ("stages.2.2.attention.query", "block3.1.attn.q", "block.2.1.attention.self.query"),
    ("stages.2.2.attention.project", "block3.1.attn.proj", "block.2.1.attention.output.dense"),
    ("stages.0.1.attention.reduce", "block1.0.attn.sr", "block.0.0.attention.self.sr"),
    ("stages.3.2.feed.up", "block4.1.mlp.fc1", "block.3.1.mlp.dense1"),
    ("stages.3.2.feed.depthwise", "block4.1.mlp.dwconv.dwconv", "block.3.1.mlp.dwconv.dwconv"),
    ("stages.3.2.feed.down", "block4.1.mlp.fc2", "block.3.1.mlp.dense2"),
]


@pytest.mark.parametrize("authors", [True, False])
def test_published_weights_find_their_places(authors: bool, tmp_path: Path) -> None:
    weights, backbone = published(authors), make_backbone("mit_b0", 3, 1.0)
    save_file(weights, tmp_path / "w.safetensors")
    load_encoder(backbone, tmp_path / "w.safetensors")
    own = backbone.state_dict()
    for ours, theirs, hub in PLACES:
        name = theirs if authors else f"segformer.encoder.{hub}"
        assert torch.equal(own[f"{ours}.weight"], weights[f"{name}.weight"]), ours
        assert torch.equal(own[f"{ours}.bias"], weights[f"{name}.bias"]), ours
    if authors:
        expected = weights["block2.1.attn.kv.weight"]
    else:
        start = "segformer.encoder.block.1.1.attention.self"
        expected = torch.cat((weights[f"{start}.key.weight"], weights[f"{start}.value.weight"]))
    assert torch.equal(own["stages.1.2.attention.key_value.weight"], expected)


def test_values_without_their_keys_are_told(tmp_path: Path) -> None:
    weights = published(False)
    del weights["segformer.encoder.block.1.1.attention.self.value.weight"]
    save_file(weights, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"lacks stages\.1\.2\.attention\.key_value\.weight"):
        load_encoder(make_backbone("mit_b0", 3, 1.0), tmp_path / "w.safetensors")


def test_width_2_is_b1() -> None:
    # The paper's table of sizes: the encoder has 13.1 M parameters.
    backbone = make_backbone("mit_b0", 3, 2.0)
    assert backbone.channels == (64, 128, 320, 512)
    assert sum(x.numel() for x in backbone.parameters()) == pytest.approx(13.1e6, rel=0.005)


@pytest.mark.parametrize("size", [(16, 24), (9, 17), (1, 3)])
def test_every_pixel_is_looked_at(size: tuple[int, int]) -> None:
    """Each head by hand; the map shrunk block by block, with zeros where a block reaches beyond it."""
    torch.manual_seed(0)
    heads, channels, shrink = 2, 8, 8
    attention = Attention(channels, heads, shrink)
    x = torch.randn(1, *size, channels)
    height, width = (-(-side // shrink) * shrink for side in size)
    beyond = F.pad(x, (0, 0, 0, width - size[1], 0, height - size[0]))
    blocks = beyond[0].unflatten(1, (-1, shrink)).unflatten(0, (-1, shrink)).permute(0, 2, 4, 1, 3).flatten(2)
    seen = attention.norm(
        blocks.flatten(0, 1).flatten(1) @ attention.reduce.weight.flatten(1).T + attention.reduce.bias
    )
    query = attention.query(x)[0].flatten(0, 1)
    key, value = attention.key_value(seen).chunk(2, 1)
    found = [
        (q @ k.T / (channels / heads) ** 0.5).softmax(1) @ v
        for q, k, v in zip(query.chunk(heads, 1), key.chunk(heads, 1), value.chunk(heads, 1), strict=True)
    ]
    expected = attention.project(torch.cat(found, 1)).view(x.shape)
    torch.testing.assert_close(attention(x), expected, atol=1e-5, rtol=1e-4)


def test_branches_are_left_out_for_the_share_of_images_that_is_named() -> None:
    torch.manual_seed(0)
    drop: nn.Module = DropPath(0.25)
    ones = torch.ones(4000, 1, 1, 1)
    kept = drop.train()(ones)
    assert kept.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]
    assert kept.mean().item() == pytest.approx(1, abs=0.03)
    assert torch.equal(drop.eval()(ones), ones)
