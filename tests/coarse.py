"""Models whose maps end with an upsampling of probabilities, as those of `smalti shrink` do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from smalti.card import UNLIKE, Card
from smalti.runtime.models import seal
from tests.tiny import tiny_card

FACTOR = 4
MIDDLE = 128 / 255
"""A mean of bands for which bytes, less it and divided by half their range, are bytes again as they were."""


def coarse_card(**changes: object) -> Card:
    """Tiles of 32 pixels that share 8, and 4 pixels along a side of an answer."""
    sides = {"tile": 32, "overlap": 8, "stride": 4}
    return tiny_card(**({"mean": (MIDDLE,) * 3, "std": (127.5 / 255,) * 3} | sides | changes))


def coarse_model(
    path: Path,
    card: Card,
    *,
    around: float = 0.0,
    scale: float | None = 1 / 127.5,
    resize: dict[str, Any] | None = None,
) -> Path:
    """Writes a sealed model that answers the brightest band of 4 x 4 pixels, softly.

    With `around`, it depends on the tile's mean, too. Its pixels are rounded to integers of `scale`, unless that is
    None.
    """
    numbers: dict[str, Any] = {
        "factor": (card.scale / np.array(card.std, np.float64)).astype(np.float32).reshape(1, -1, 1, 1),
        "shift": (np.array(card.mean) / np.array(card.std)).astype(np.float32).reshape(1, -1, 1, 1),
        "infinity": np.float32(np.inf),
        "zero": np.float32(0),
        "kernel": _kernel(len(card.bands)),
        "scale": np.float32(scale or 1),
        "middle": np.uint8(128),
        "gain": np.float32(around),
    }
    pairs = [("Mul", "image factor", "scaled"), ("Sub", "scaled shift", "even"), ("Abs", "even", "size"),
             ("Less", "size infinity", "finite"), ("Where", "finite even zero", "guarded")]  # fmt: skip
    if scale is not None:
        pairs += [("QuantizeLinear", "guarded scale middle", "whole"), ("DequantizeLinear", "whole scale middle", "in")]
    else:
        pairs += [("Identity", "guarded", "in")]
    nodes = [helper.make_node(op, given.split(), [out]) for op, given, out in pairs]
    nodes += [
        helper.make_node("ReduceMean", ["in"], ["mean"], axes=[2, 3]),
        helper.make_node("Conv", ["in", "kernel"], ["blocks"], strides=[FACTOR, FACTOR]),
        helper.make_node("Mul", ["mean", "gain"], ["around"]),
        helper.make_node("Sub", ["blocks", "around"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["small"], axis=1),
        helper.make_node("Shape", ["small"], ["first"], start=0, end=2),
        helper.make_node("Shape", ["image"], ["last"], start=2),
        helper.make_node("Concat", ["first", "last"], ["sizes"], axis=0),
        helper.make_node("Resize", ["small", "", "", "sizes"], ["landcover"], **({"mode": "linear"} | (resize or {}))),
    ]
    outputs = {"landcover": ["batch", len(card.bands), "height", "width"]}
    if card.unlike:
        nodes.append(helper.make_node("ReduceMean", ["scaled"], ["bands"], axes=[1, 2, 3], keepdims=0))
        nodes.append(helper.make_node("Reshape", ["bands", "column"], [UNLIKE]))
        numbers["column"] = np.array([-1, 1])
        outputs[UNLIKE] = ["batch", 1]
    _save(path, nodes, numbers, outputs, card)
    return path


def _kernel(bands: int) -> np.ndarray:
    """Means of blocks, ten times those of the own band."""
    even = np.ones((bands, bands, FACTOR, FACTOR), np.float32) / FACTOR**2
    return (even * (9 * np.eye(bands, dtype=np.float32) + 1)[:, :, None, None]).astype(np.float32)


def _save(
    path: Path, nodes: Sequence[onnx.NodeProto], numbers: dict[str, Any], outputs: dict[str, list[Any]], card: Card
) -> None:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", len(card.bands), "height", "width"])
    graph = helper.make_graph(
        nodes,
        "coarse",
        [image],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(number), name) for name, number in numbers.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    seal(path, card)
