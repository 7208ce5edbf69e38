"""A model small enough to know its answers by heart, for tests of everything that runs a model; and class rasters."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import rasterio
from onnx import TensorProto, helper, numpy_helper
from rasterio.errors import NotGeoreferencedWarning

from smalti.card import UNLIKE, Card, Task, Unlike
from smalti.runtime.models import seal

SHARPNESS = 50.0


def tiny_card(bands: tuple[str, ...] = ("red", "green", "blue"), **changes: object) -> Card:
    labels = tuple(f"most {band}" for band in bands)
    colors = tuple((255 * (k % 2), 60 * k, 255 - 60 * k) for k in range(len(bands)))
    n = len(bands)
    fields: dict[str, object] = {
        "name": "tiny", "net": "tiny", "bands": bands, "mean": (0.0,) * n, "std": (1.0,) * n,
        "tile": 64, "overlap": 16, "stride": 32, "tasks": (Task(name="landcover", labels=labels, colors=colors),),
    }  # fmt: skip
    return Card.model_validate(fields | changes)


def unlike_above(threshold: float, classes: int = 3) -> Unlike:
    """What a card needs; of a tiny model only the threshold is used."""
    return Unlike(maps=(0.0,), classes=(0.0,) * classes, entropy=0.0, confidence=0.0, bias=0.0, threshold=threshold)


def tiny_model(path: Path, card: Card | None = None) -> Path:
    """Writes a sealed model. A class task answers the brightest band: probability of class k is softmax of
    50 * (pixel * scale - mean) / std of band k (class k >= bands: a constant 0). A value task answers the mean of the
    bands after that normalisation. With a card that has `unlike`, that is the mean of all pixels * scale."""
    card = card or tiny_card()
    nodes, weights = [], []
    pixels = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", len(card.bands), "height", "width"])
    answers = []
    for task in card.tasks:
        kernel, bias = _kernel(card, task)
        weights += [
            numpy_helper.from_array(kernel, f"{task.name}.weight"),
            numpy_helper.from_array(bias, f"{task.name}.bias"),
        ]
        raw = f"{task.name}.raw" if task.kind == "classes" else task.name
        nodes.append(helper.make_node("Conv", ["image", f"{task.name}.weight", f"{task.name}.bias"], [raw]))
        if task.kind == "classes":
            nodes.append(helper.make_node("Softmax", [raw], [task.name], axis=1))
        shape = ["batch", task.channels, "height", "width"]
        answers.append(helper.make_tensor_value_info(task.name, TensorProto.FLOAT, shape))
    if card.unlike:
        nodes.append(helper.make_node("ReduceMean", ["image"], ["bands"], axes=[2, 3], keepdims=0))
        nodes.append(helper.make_node("MatMul", ["bands", "bands.weight"], [UNLIKE]))
        even = np.full((len(card.bands), 1), card.scale / len(card.bands), np.float32)
        weights.append(numpy_helper.from_array(even, "bands.weight"))
        answers.append(helper.make_tensor_value_info(UNLIKE, TensorProto.FLOAT, ["batch", 1]))
    graph = helper.make_graph(nodes, "tiny", [pixels], answers, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    seal(path, card)
    return path


def _kernel(card: Card, task: Task) -> tuple[np.ndarray, np.ndarray]:
    bands = len(card.bands)
    gain = card.scale / np.array(card.std)  # per band
    shift = -np.array(card.mean) / np.array(card.std)
    mix = np.eye(task.channels, bands) * SHARPNESS if task.kind == "classes" else np.full((1, bands), 1 / bands)
    kernel = (mix * gain).reshape(task.channels, bands, 1, 1)
    return kernel.astype(np.float32), (mix @ shift).astype(np.float32)


def write_classes(path: Path, ids: np.ndarray, *names: str) -> Path:
    """Writes class ids (H, W) without a place on the ground, with the names of their classes as tags."""
    height, width = ids.shape
    with (
        pytest.warns(NotGeoreferencedWarning),
        rasterio.open(path, "w", "GTiff", width, height, 1, dtype="uint8") as file,
    ):
        file.update_tags(1, **{f"CLASS_{k}": name for k, name in enumerate(names)})
        file.write(ids.astype(np.uint8)[None])
    return path
