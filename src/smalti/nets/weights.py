"""Loads pretrained weights of encoders from a file or the Hugging Face hub, with the tensor names of several libraries.

For these names see `smalti.nets.naming`. MobileNetV2 may also be a plain list of 53 convolutions with folded batch
norms.
"""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from smalti.errors import MissingExtraError, ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.folding import Folded, unfold
from smalti.nets.layers import ConvNorm
from smalti.nets.naming import Weights, our_names
from smalti.text import some


def load_encoder(
    encoder: nn.Module, source: str | Path, sha256: str | None = None, images: Tensor | None = None
) -> None:
    """Loads trained weights into an encoder, in place; nothing else is touched.

    Args:
        encoder: one of `BACKBONES`, or a list of such, one per task, which all get the same weights. Its first
            convolution may have any number of bands.
        source: a `.safetensors` file, a `.pth` file (tensors only), or `hub:OWNER/NAME` on the Hugging Face hub.
        sha256: the file's SHA-256 in hexadecimal; a file with another one is rejected.
        images: normalised images N,bands,H,W. Needed only for weights with folded batch norms: the batch norms are
            set to the statistics of these images, without changing the function of the encoder.

    Raises:
        ModelError: no such file, another hash, damaged, or weights of another network (the message names tensors).
    """
    path = _fetch(str(source))
    _check_hash(path, sha256)
    weights = _read(path)
    for backbone in encoder if isinstance(encoder, nn.ModuleList) else [encoder]:
        assert isinstance(backbone, Backbone)
        if "00_conv.weight" in weights:
            _load_folded(backbone, weights, path, images)
        else:
            _load_strictly(backbone, our_names(backbone, weights), path)


def _fetch(source: str) -> Path:
    """The local path of a source; `hub:` sources are downloaded to the hub's cache."""
    if not source.startswith("hub:"):
        return Path(source)
    try:
        import huggingface_hub
    except ImportError:
        raise MissingExtraError("huggingface_hub", "train") from None
    repository = source.removeprefix("hub:")
    try:
        return Path(huggingface_hub.hf_hub_download(repository, "model.safetensors"))
    except Exception as error:  # the hub's client raises errors of many unrelated families
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{source}: cannot be fetched from the hub: {reason}") from None


def _check_hash(path: Path, sha256: str | None) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: no such weights file")
    if sha256 is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256.lower():
        raise ModelError(f"{path}: SHA-256 is {found}, expected {sha256}; download the file again")


def _read(path: Path) -> Weights:
    """The tensors of a file in float32 (counters stay integers)."""
    from safetensors.torch import load_file

    try:
        raw: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # a damaged file makes the readers raise nearly anything
        raise ModelError(f"{path}: not a readable weights file ({type(error).__name__})") from None
    if not isinstance(raw, dict) or not all(isinstance(value, Tensor) for value in raw.values()):
        raise ModelError(f"{path}: expected a flat table of named tensors, found {type(raw).__name__}")
    return {key: value.float() if value.is_floating_point() else value for key, value in raw.items()}


def _load_strictly(backbone: Backbone, weights: Weights, path: Path) -> None:
    own = backbone.state_dict()
    stem = next(iter(own))
    if stem in weights:
        weights = weights | {stem: adapt_bands(weights[stem], own[stem].shape[1])}
    counters = {key for key in own if key.endswith("num_batches_tracked")}
    _refuse(path, "lacks", own.keys() - weights.keys() - counters)
    _refuse(path, "has unexpected", weights.keys() - own.keys())
    _refuse(path, "has of another shape", {key for key in weights if weights[key].shape != own[key].shape})
    backbone.load_state_dict(own | weights)


def _refuse(path: Path, what: str, keys: set[str]) -> None:
    if keys:
        raise ModelError(f"{path}: not the weights of this encoder: it {what} {some(sorted(keys), 3)}")


def adapt_bands(kernel: Tensor, bands: int) -> Tensor:
    """A first convolution for another number of bands: the mean over its bands, repeated and scaled to the same sum.

    Args:
        kernel: outputs,inputs,height,width.
        bands: inputs of the result; if they equal the kernel's, it is returned unchanged.
    """
    inputs = kernel.shape[1]
    if bands == inputs:
        return kernel
    return kernel.mean(1, keepdim=True).repeat(1, bands, 1, 1) * (inputs / bands)


def _load_folded(backbone: Backbone, weights: Weights, path: Path, images: Tensor | None) -> None:
    """Convolutions with biases instead of batch norms; their batch norms get the statistics of `images`."""
    pairs = [module for module in backbone.modules() if isinstance(module, ConvNorm)]
    kernels = [weights[key] for key in sorted(weights) if key.endswith(".weight")]
    biases = [weights[key] for key in sorted(weights) if key.endswith(".bias")]
    if images is None:
        raise ModelError(f"{path}: its batch norms are folded; a batch of images is needed to initialise new ones")
    if min(len(kernels), len(biases)) < len(pairs):
        raise ModelError(f"{path}: holds {len(kernels)} convolutions, this encoder has {len(pairs)}")
    if kernels:
        kernels[0] = adapt_bands(kernels[0], pairs[0].conv.in_channels)
    for number, (pair, kernel) in enumerate(zip(pairs, kernels, strict=False)):
        if pair.conv.weight.shape != kernel.shape:
            shapes = f"{tuple(kernel.shape)}, expected {tuple(pair.conv.weight.shape)}"
            raise ModelError(f"{path}: not the weights of this encoder: convolution {number} has shape {shapes}")
    parts = zip(pairs, kernels, biases, strict=False)
    unfold(backbone, [Folded(pair.conv, pair.norm, kernel, bias) for pair, kernel, bias in parts], images)
