"""Names of encoders' tensors in other libraries, mapped to ours.

Known: timm's `mobilenetv2_*`, `mobilenetv3_*`, `tf_efficientnet_lite0`, `ghostnet_*`, `resnet*` and `vgg*`,
torchvision's `mobilenet_v2`, `mobilenet_v3_*`, `inception_v3`, `resnet*` and `vgg*`, EfficientNet-Lite0 as the package
efficientnet-lite-pytorch names it, SegFormer's `mit_*` as its authors and as transformers name it, and Smalti's own,
also inside a whole net. Heads of classifiers and decoders are dropped.
"""

import re

import torch
from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.backbones.timm_encoder import TimmEncoder

Weights = dict[str, Tensor]

# A block's inner names, theirs to ours.
TIMM_PLAIN = {"conv": "conv", "bn1": "norm"}
TIMM_SQUEEZE = {"se.conv_reduce": "squeeze.reduce", "se.conv_expand": "squeeze.expand"}
TIMM_DEPTHWISE_FIRST = TIMM_SQUEEZE | {
    "conv_dw": "depthwise.conv",
    "bn1": "depthwise.norm",
    "conv_pw": "project.conv",
    "bn2": "project.norm",
}
TIMM_INVERTED = TIMM_SQUEEZE | {
    "conv_pw": "expand.conv",
    "bn1": "expand.norm",
    "conv_dw": "depthwise.conv",
    "bn2": "depthwise.norm",
    "conv_pwl": "project.conv",
    "bn3": "project.norm",
}
TIMM_GHOST = TIMM_SQUEEZE | {
    "ghost1.primary_conv.0": "up.primary.conv",
    "ghost1.primary_conv.1": "up.primary.norm",
    "ghost1.cheap_operation.0": "up.cheap.conv",
    "ghost1.cheap_operation.1": "up.cheap.norm",
    "conv_dw": "depthwise.conv",
    "bn_dw": "depthwise.norm",
    "ghost2.primary_conv.0": "down.primary.conv",
    "ghost2.primary_conv.1": "down.primary.norm",
    "ghost2.cheap_operation.0": "down.cheap.conv",
    "ghost2.cheap_operation.1": "down.cheap.norm",
    "shortcut.0": "shortcut.0.conv",
    "shortcut.1": "shortcut.0.norm",
    "shortcut.2": "shortcut.1.conv",
    "shortcut.3": "shortcut.1.norm",
}
# Numbers of the norms count the convolutions of a block, from 1 where it has no expansion.
LITE = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}
RESNET = {f"conv{n}": f"convs.{n - 1}.conv" for n in (1, 2, 3)} | {f"bn{n}": f"convs.{n - 1}.norm" for n in (1, 2, 3)}
RESNET |= {"downsample.0": "shortcut.conv", "downsample.1": "shortcut.norm"}

MIT_AUTHORS = {
    "norm1": "norm1",
    "attn.q": "attention.query",
    "attn.kv": "attention.key_value",
    "attn.proj": "attention.project",
    "attn.sr": "attention.reduce",
    "attn.norm": "attention.norm",
    "norm2": "norm2",
    "mlp.fc1": "feed.up",
    "mlp.dwconv.dwconv": "feed.depthwise",
    "mlp.fc2": "feed.down",
}
MIT_TRANSFORMERS = {
    "layer_norm_1": "norm1",
    "attention.self.query": "attention.query",
    "attention.self.key_value": "attention.key_value",
    "attention.output.dense": "attention.project",
    "attention.self.sr": "attention.reduce",
    "attention.self.layer_norm": "attention.norm",
    "layer_norm_2": "norm2",
    "mlp.dense1": "feed.up",
    "mlp.dwconv.dwconv": "feed.depthwise",
    "mlp.dense2": "feed.down",
}


def our_names(backbone: Backbone, weights: Weights) -> Weights:
    """The encoder's part of the weights under our names; unknown names stay as they are."""
    if isinstance(backbone, TimmEncoder) and not any(key.startswith(("net.", "encoder.")) for key in weights):
        return _from_timm_itself(backbone, weights)
    for sign, rename in NAMINGS.items():
        if sign in weights:
            return rename(backbone, weights)
    # A net of several tasks counts its encoders; where there are several, which one is meant is ambiguous.
    only = () if any(key.startswith("net.encoder.1.") for key in weights) else ("net.encoder.0.",)
    for prefix in (*only, "net.encoder.", "encoder."):
        if any(key.startswith(prefix) for key in weights):
            return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    return weights


def _units(backbone: Backbone) -> list[str]:
    """Our names of those of the stem and the blocks that have weights, in order: `stages.0.0`, `stages.0.1`, ..."""
    return [
        f"stages.{i}.{j}"
        for i, stage in enumerate(backbone.stages)
        for j, unit in enumerate(stage.children())
        if any(True for _ in unit.parameters())
    ]


def _from_timm(backbone: Backbone, weights: Weights) -> Weights:
    units = _units(backbone)
    found = {m[1] for key in weights if (m := re.match(r"blocks\.(\d+\.\d+)\.", key))}
    order = sorted(found, key=_numbers)
    prefixes = {"conv_stem": f"{units[0]}.conv", "bn1": f"{units[0]}.norm"}
    for theirs, ours in zip(order, units[1:], strict=False):
        for inner, name in _timm_block(f"blocks.{theirs}", weights).items():
            prefixes[f"blocks.{theirs}.{inner}"] = f"{ours}.{name}"
    head = {"conv_head", "bn2", "classifier"}
    if any("ghost1" in key for key in weights):
        # GhostNet's last block there is the 1x1 convolution to 960, which is no part of the encoder.
        head |= {f"blocks.{order[-1]}.conv", f"blocks.{order[-1]}.bn1"}
    return _rename(weights, prefixes, head)


def _from_efficientnet_pytorch(backbone: Backbone, weights: Weights) -> Weights:
    """`_conv_stem`, `_blocks.3._depthwise_conv`: blocks numbered from the first to the last."""
    stem, *units = _units(backbone)
    prefixes = {"_conv_stem": f"{stem}.conv", "_bn0": f"{stem}.norm"}
    for number, ours in enumerate(units):
        prefixes |= {f"_blocks.{number}.{inner}": f"{ours}.{name}" for inner, name in LITE.items()}
    return _rename(weights, prefixes, {"_conv_head", "_bn1", "_fc"})


def _timm_block(prefix: str, weights: Weights) -> dict[str, str]:
    signs = {"ghost1.primary_conv.0": TIMM_GHOST, "conv_pwl": TIMM_INVERTED, "conv": TIMM_PLAIN}
    return next((table for sign, table in signs.items() if f"{prefix}.{sign}.weight" in weights), TIMM_DEPTHWISE_FIRST)


def _from_torchvision_mobile(backbone: Backbone, weights: Weights) -> Weights:
    """`features.0.0`, `features.1.conv.1.0` (V2) or `features.1.block.1.0` (V3): convolutions in the order they run."""
    prefixes: dict[str, str] = {}
    for number, ours in enumerate(_units(backbone)):
        start = f"features.{number}."
        inner = sorted({key.removeprefix(start).rpartition(".")[0] for key in weights if key.startswith(start)})
        inner.sort(key=_numbers)
        prefixes |= {f"{start}{theirs}": f"{ours}.{name}" for theirs, name in _mobile_block(inner, start, weights)}
    head = f"features.{len(_units(backbone))}"
    return _rename(weights, prefixes, {f"{head}.0", f"{head}.1", "classifier"})


def _mobile_block(inner: list[str], start: str, weights: Weights) -> list[tuple[str, str]]:
    """Pairs of their inner names, in order, and ours: a plain convolution, or a block of two or three of them."""
    squeeze = [name for name in inner if name.endswith(("fc1", "fc2"))]
    rest = [name for name in inner if name not in squeeze]
    parts = {2: [""], 4: ["depthwise.", "project."], 6: ["expand.", "depthwise.", "project."]}.get(len(rest), [])
    names = [f"{part}{leaf}" for part in parts for leaf in ("conv", "norm")]
    return [*zip(rest, names, strict=False), *zip(squeeze, ("squeeze.reduce", "squeeze.expand"), strict=False)]


def _from_resnet(backbone: Backbone, weights: Weights) -> Weights:
    units = _units(backbone)
    found = {m[1] for key in weights if (m := re.match(r"(layer\d+\.\d+)\.", key))}
    prefixes = {"conv1": f"{units[0]}.conv", "bn1": f"{units[0]}.norm"}
    for theirs, ours in zip(sorted(found, key=_numbers), units[1:], strict=False):
        prefixes |= {f"{theirs}.{inner}": f"{ours}.{name}" for inner, name in RESNET.items()}
    return _rename(weights, prefixes, {"fc"})


def _from_vgg(backbone: Backbone, weights: Weights) -> Weights:
    units = _units(backbone)
    prefixes: dict[str, str] = {}
    found = {m[1] for key in weights if (m := re.match(r"(features\.\d+)\.weight", key))}
    convolutions = 0
    for theirs in sorted(found, key=_numbers):
        is_convolution = weights[f"{theirs}.weight"].ndim == 4
        convolutions += is_convolution
        if convolutions <= len(units):
            prefixes[theirs] = f"{units[convolutions - 1]}.{'conv' if is_convolution else 'norm'}"
    return _rename(weights, prefixes, {"classifier", "pre_logits", "head"})


def _from_inception(backbone: Backbone, weights: Weights) -> Weights:
    """`Conv2d_1a_3x3.conv`, `Mixed_5b.branch1x1.bn`: blocks sorted by number and letter, our names inside."""
    modules = {key.rpartition(".")[0] for key in weights}
    order = sorted({module.split(".")[0] for module in modules if module.startswith(("Conv2d_", "Mixed_"))}, key=_block)
    places = dict(zip(order, _units(backbone), strict=False))
    prefixes = {}
    for module in modules:
        block, _, inner = module.partition(".")
        ours = re.sub(r"(^|\.)bn$", r"\1norm", inner)
        prefixes[module] = f"{places.get(block, block)}.{ours}"
    return _rename(weights, prefixes, {"AuxLogits", "fc"})


def _block(name: str) -> str:
    """`5b` of `Mixed_5b`: what Inception's blocks are sorted by."""
    return name.split("_")[1]


def _from_mit_authors(backbone: Backbone, weights: Weights) -> Weights:
    prefixes: dict[str, str] = {}
    for number, stage in enumerate(backbone.stages):
        ends = {"proj": f"stages.{number}.0.conv", "norm": f"stages.{number}.0.norm"}
        prefixes |= {f"patch_embed{number + 1}.{theirs}": ours for theirs, ours in ends.items()}
        prefixes |= _mit_blocks(f"block{number + 1}", f"norm{number + 1}", MIT_AUTHORS, number, stage)
    return _rename(weights, prefixes, {"head"})


def _from_mit_transformers(backbone: Backbone, weights: Weights) -> Weights:
    """There keys and values are two layers; here they are one, keys first."""
    plain = {key.removeprefix("segformer.").removeprefix("encoder."): value for key, value in weights.items()}
    pairs = {key: key.replace(".self.key.", ".self.value.") for key in plain if ".self.key." in key}
    for key, value in pairs.items():
        if value in plain:
            plain[key.replace(".self.key.", ".self.key_value.")] = torch.cat((plain.pop(key), plain.pop(value)))
    prefixes: dict[str, str] = {}
    for number, stage in enumerate(backbone.stages):
        ends = {"proj": f"stages.{number}.0.conv", "layer_norm": f"stages.{number}.0.norm"}
        prefixes |= {f"patch_embeddings.{number}.{theirs}": ours for theirs, ours in ends.items()}
        prefixes |= _mit_blocks(f"block.{number}", f"layer_norm.{number}", MIT_TRANSFORMERS, number, stage)
    return _rename(plain, prefixes, {"classifier", "decode_head"})


def _mit_blocks(theirs: str, norm: str, inner: dict[str, str], number: int, stage: nn.Module) -> dict[str, str]:
    """A stage's blocks, which ours counts from 1, behind the patches, and the norm after them."""
    last = len(list(stage.children())) - 1
    prefixes = {norm: f"stages.{number}.{last}.norm"}
    for block in range(1, last):
        prefixes |= {f"{theirs}.{block - 1}.{name}": f"stages.{number}.{block}.{ours}" for name, ours in inner.items()}
    return prefixes


def _from_timm_itself(backbone: Backbone, weights: Weights) -> Weights:
    """timm's own modules keep its names, with stages in front and some dots turned to underlines; the rest is heads."""
    plain = {key.replace(".", "_"): value for key, value in weights.items()}
    places = {key: re.sub(r"^stages\.\d+\.", "", key).replace(".", "_") for key in backbone.state_dict()}
    return {ours: plain[theirs] for ours, theirs in places.items() if theirs in plain}


# A key that identifies a naming scheme, and the function that converts it to ours.
NAMINGS = {
    "conv_stem.weight": _from_timm,
    "_conv_stem.weight": _from_efficientnet_pytorch,
    "features.0.0.weight": _from_torchvision_mobile,
    "features.0.weight": _from_vgg,
    "layer1.0.conv1.weight": _from_resnet,
    "Conv2d_1a_3x3.conv.weight": _from_inception,
    "patch_embed1.proj.weight": _from_mit_authors,
    "encoder.patch_embeddings.0.proj.weight": _from_mit_transformers,
    "segformer.encoder.patch_embeddings.0.proj.weight": _from_mit_transformers,
}


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", name)))


def _rename(weights: Weights, prefixes: dict[str, str], left_out: set[str]) -> Weights:
    """Replaces each key's module name; drops the modules of `left_out` and what lies in them."""
    renamed = {}
    for key, value in weights.items():
        module, _, leaf = key.rpartition(".")
        if module not in left_out and module.split(".")[0] not in left_out:
            renamed[f"{prefixes.get(module, module)}.{leaf}"] = value
    return renamed
