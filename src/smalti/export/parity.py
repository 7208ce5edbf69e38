"""Does an exported graph answer like its net? Asked at sizes and batch sizes that the exporter never saw."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from smalti.card import Card
from smalti.errors import ExportError
from smalti.runtime.models import ModelFile
from smalti.runtime.onnx import OnnxPredictor

LIMIT = 1e-4
SIZES = ((256, 256), (320, 192), (416, 512), (203, 331))  # height, width: square and not, and off every stride
BATCHES = (1, 3)


@dataclass(frozen=True)
class Parity:
    """The largest difference between torch and ONNX Runtime over all shapes tried."""

    difference: float
    """Of probabilities; for values relative to the largest one where that is above 1."""
    shapes: tuple[tuple[int, int, int], ...]
    """Batch, height, width."""


def check_parity(answers: nn.Module, model: ModelFile) -> Parity:
    """Compares a net that answers a tuple with its graph; ExportError if they differ by LIMIT or more anywhere."""
    predict = OnnxPredictor(model)
    random = np.random.default_rng(0)
    shapes = tuple((batch, *size) for batch in BATCHES for size in SIZES)
    worst = 0.0
    for shape in shapes:
        for kind, make in (("noise", noise), ("image", blobs)):
            pixels = make(model.card, shape, random)
            difference = _difference(answers, predict, pixels)
            if not difference < LIMIT:  # NaN, too, is a difference
                raise ExportError(
                    f"{model.path}: not written: at {shape[0]}x{shape[1]}x{shape[2]} of {kind} the graph differs from "
                    f"the net by {difference:.2g} (limit {LIMIT:g}); a size may be baked in, or a hardly trained net "
                    "amplifies its rounding: train it longer"
                )
            worst = max(worst, difference)
    return Parity(worst, shapes)


def noise(card: Card, shape: tuple[int, int, int], random: np.random.Generator) -> np.ndarray:
    """Raw pixels N,C,H,W, each drawn alone, mildly: far from any image a net only amplifies its rounding."""
    n, height, width = shape
    return _raw(card, random.standard_normal((n, len(card.bands), height, width)) * 0.5)


def blobs(card: Card, shape: tuple[int, int, int], random: np.random.Generator) -> np.ndarray:
    """Raw pixels N,C,H,W like an image: even patches with sharp edges, a slope of light, and a little noise."""
    n, height, width = shape
    patch = 24
    coarse = random.standard_normal((n, len(card.bands), -(-height // patch), -(-width // patch)))
    patches = coarse.repeat(patch, axis=2).repeat(patch, axis=3)[:, :, :height, :width]
    light = np.linspace(-1, 1, width)
    return _raw(card, patches + light + 0.1 * random.standard_normal(patches.shape))


def _raw(card: Card, normalised: np.ndarray) -> np.ndarray:
    mean, std = (np.array(values)[:, None, None] for values in (card.mean, card.std))
    pixels = (normalised * std + mean) / card.scale
    if card.dtype != "float32":
        limits = np.iinfo(card.dtype)
        pixels = pixels.round().clip(limits.min, limits.max)
    raw: np.ndarray = pixels.astype(card.dtype)
    return raw


def _difference(answers: nn.Module, predict: OnnxPredictor, pixels: np.ndarray) -> float:
    with torch.inference_mode():
        expected = answers(torch.from_numpy(pixels.astype(np.float32)))
    got = predict(pixels)
    pairs = zip(expected, (got[task.name] for task in predict.card.tasks), strict=True)
    return float(np.max([_distance(ours.numpy(), theirs) for ours, theirs in pairs]))  # unlike max(), keeps NaN


def _distance(expected: np.ndarray, got: np.ndarray) -> float:
    if expected.shape != got.shape:
        return float("inf")
    return float(np.abs(expected - got).max() / np.maximum(1, np.abs(expected).max()))
