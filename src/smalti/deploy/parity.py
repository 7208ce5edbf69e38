"""Compares an exported graph with its net, at other sizes and batch sizes than those of the export."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from smalti.card import Card
from smalti.errors import ExportError
from smalti.runtime.models import ModelFile
from smalti.runtime.onnx import OnnxPredictor

LIMIT = 1e-4
"""Difference above which the net's own rounding is measured."""
SLACK = 4.0
"""How many times the rounding of the net in float32 its graph may differ from the net in float64."""
MOST = 5e-3
"""Difference that is always an error."""
SHAPES = ((1, 256, 256), (1, 320, 192), (1, 416, 512), (1, 203, 331), (3, 203, 331))
"""Batch, height, width: square and not, small and large, off every stride, and more than one image."""

Arrays = tuple[np.ndarray, ...]
RunNet = Callable[..., Arrays]


@dataclass(frozen=True)
class Parity:
    """The largest difference between torch and ONNX Runtime over all shapes tried."""

    difference: float
    """Of probabilities; for values relative to the largest one where that is above 1."""
    shapes: tuple[tuple[int, int, int], ...]
    """Batch, height, width."""
    rounding: float = 0.0
    """Largest difference between the net in float32 and in float64, if it was measured."""


def check_parity(answers: nn.Module, model: ModelFile) -> Parity:
    """Compares a net that returns a tuple with its graph; ExportError if they differ by more than rounding anywhere."""
    predict = OnnxPredictor(model)
    names = model.card.outputs
    compare = GraphComparison(answers, lambda pixels: tuple(predict(pixels)[name] for name in names), str(model.path))
    random = np.random.default_rng(0)
    for shape in SHAPES:
        for kind, make in (("noise", noise), ("image", blobs)):
            compare(f"{shape[0]}x{shape[1]}x{shape[2]} of {kind}", make(model.card, shape, random))
    return Parity(compare.difference, SHAPES, compare.rounding)


class GraphComparison:
    """A net and its graph, given the same inputs."""

    def __init__(self, net: nn.Module, graph: RunNet, path: str) -> None:
        """`net` takes tensors and returns a tuple of them, `graph` takes arrays and returns as many arrays."""
        self._net, self._graph, self._path = net, graph, path
        self._exact: nn.Module | None = None
        self.difference = self.rounding = 0.0
        """The largest so far."""

    def __call__(self, what: str, *inputs: np.ndarray) -> None:
        """ExportError, naming the input `what`, if the outputs differ by `LIMIT` or more, and not by rounding alone."""
        got, expected = self._graph(*inputs), _run(self._net, inputs, np.float32)
        difference = _farthest(expected, got)
        if not difference < LIMIT:  # NaN, too, is a difference
            self._look_closer(what, inputs, expected, got, difference)
        self.difference = max(self.difference, difference)

    def _look_closer(
        self, what: str, inputs: tuple[np.ndarray, ...], expected: Arrays, got: Arrays, difference: float
    ) -> None:
        if self._exact is None:
            self._exact = copy.deepcopy(self._net).double()
        exact = _run(self._exact, inputs, np.float64)
        rounding = _farthest(exact, expected)
        if not _farthest(exact, got) < min(max(LIMIT, SLACK * rounding), MOST):
            raise ExportError(
                f"{self._path}: not written: at {what} the graph differs from the net by {difference:.2g}, which "
                f"itself rounds by {rounding:.2g} (limits: {LIMIT:g}, or {SLACK:g} times its rounding and {MOST:g}); "
                "a size may be baked in, or a hardly trained net amplifies its rounding: train it longer"
            )
        self.rounding = max(self.rounding, rounding)


@torch.inference_mode()
def _run(net: nn.Module, inputs: tuple[np.ndarray, ...], dtype: type[np.floating]) -> Arrays:
    tensors: tuple[Tensor, ...] = net(*(torch.from_numpy(array.astype(dtype)) for array in inputs))
    return tuple(tensor.numpy() for tensor in tensors)


def _farthest(expected: Arrays, got: Arrays) -> float:
    distances = [_distance(one, other) for one, other in zip(expected, got, strict=True)]
    return float(np.max(distances))  # unlike max(), keeps NaN


def _distance(expected: np.ndarray, got: np.ndarray) -> float:
    if expected.shape != got.shape:
        return float("inf")
    return float(np.abs(expected - got).max() / np.maximum(1, np.abs(expected).max()))


def noise(card: Card, shape: tuple[int, int, int], random: np.random.Generator) -> np.ndarray:
    """Raw pixels N,C,H,W of weak independent noise: for inputs far from images, a net only amplifies its rounding."""
    n, height, width = shape
    return _raw(card, random.standard_normal((n, len(card.bands), height, width)) * 0.5)


def blobs(card: Card, shape: tuple[int, int, int], random: np.random.Generator) -> np.ndarray:
    """Raw pixels N,C,H,W similar to an image: uniform patches with sharp edges, a brightness gradient, weak noise."""
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
