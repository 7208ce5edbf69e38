"""LiteRT (TensorFlow Lite): one `.tflite` file that takes images N,H,W,C, converted by onnx2tf."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smalti.arrays import Floats, Pixels
from smalti.card import Card, Task
from smalti.deploy.plain import plain_graph
from smalti.deploy.targets.built import Built, Port, by_task
from smalti.deploy.targets.tool import Tool
from smalti.errors import ExportError
from smalti.runtime.models import ModelFile
from smalti.watch import Say

TOOL = Tool("onnx2tf", "onnx2tf ai-edge-litert", "2 GB", "ai_edge_litert")
_SAMPLES = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""onnx2tf reads example images from this file of its folder; where it is missing it fetches one from the net."""
SCRIPT = Path(__file__).parents[1] / "on_device" / "run_tflite.py"


def build(model: ModelFile, folder: Path, stem: str, say: Say) -> Built:
    """Converts a model for tiles of its card's size; MissingToolError without onnx2tf, ExportError where it cannot."""
    TOOL.find()
    card = model.card
    (folder / "graph.onnx").write_bytes(plain_graph(model.content, card).SerializeToString())
    np.save(folder / _SAMPLES, np.random.default_rng(0).random((20, 128, 128, 3), np.float32))
    say("converting with onnx2tf; that takes a minute or more")
    said = TOOL.convert(["-i", "graph.onnx", "-o", "made", "-coion", "-n"], folder)
    made = folder / "made" / "graph_float32.tflite"
    if not made.exists():
        raise ExportError(f"onnx2tf wrote no file: {refused(said)}")
    out = made.rename(folder / f"{stem}.tflite")
    outputs = {task.name: _port(card, task) for task in card.tasks}
    image = Port("image", "N,H,W,C", (1, card.tile, card.tile, len(card.bands)))

    def run(tiles: Sequence[Pixels]) -> list[dict[str, Floats]]:
        found = TOOL.run(SCRIPT, out, [tile.transpose(0, 2, 3, 1) for tile in tiles])
        return [by_task(list(outputs), [_channels_first(array) for array in arrays]) for arrays in found.outputs]

    return Built((out,), image, outputs, run)


def _port(card: Card, task: Task) -> Port:
    if task.per_image:
        return Port(task.name, "N,K", (1, task.channels))
    return Port(task.name, "N,H,W,K", (1, card.tile, card.tile, task.channels))


def _channels_first(array: Floats) -> Floats:
    """N,H,W,K or N,K to N,K,H,W or N,K."""
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def refused(said: str) -> str:
    """The operator that onnx2tf names as its reason, or its last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    named = [
        line for line in lines if "onnx_op_type" in line or "not yet implemented" in line or "not supported" in line
    ]
    return (named or lines or ["it says nothing"])[-1]
