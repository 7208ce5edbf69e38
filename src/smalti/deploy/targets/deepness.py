"""Deepness, a plugin of QGIS: an `.onnx` file of one task with the metadata that it reads, still a model of Smalti.

It divides pixels by 255 whatever the metadata say, subtracts a mean and divides by a deviation: 0 and 1/255 undo that,
as the graph takes raw pixels. It discards pixels whose probability is below a threshold, and filters small segments,
unless both are set to 0.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from smalti.arrays import Floats, Pixels
from smalti.card import Card, Task
from smalti.deploy.onnx import clean
from smalti.deploy.plain import fixed_graph
from smalti.deploy.targets.built import Built, Port
from smalti.errors import ExportError
from smalti.runtime.models import ModelFile, sealed, verify
from smalti.runtime.onnx import OnnxPredictor
from smalti.watch import Say


def build(model: ModelFile, folder: Path, stem: str, say: Say) -> Built:
    """Writes the first task of a model, of classes if it has any; ExportError if Deepness cannot use the model."""
    task = _task(model)
    card = model.card.model_copy(update={"tasks": (task,)})
    left = [each.name for each in model.card.tasks if each != task]
    if left:
        say(f"Deepness takes one task: {task.name} is written, without {', '.join(left)}")
    graph = fixed_graph(model.content, card, batch=None)
    clean(graph)
    for key, value in keys(card, task).items():
        graph.metadata_props.add(key=key, value=json.dumps(value))
    out = folder / f"{stem}.onnx"
    out.write_bytes(sealed(graph.SerializeToString(deterministic=True), out, card)[0])
    predict = OnnxPredictor(verify(out))

    def run(tiles: Sequence[Pixels]) -> list[dict[str, Floats]]:
        return [predict(tile) for tile in tiles]

    image = Port("image", "N,C,H,W", ("batch", len(card.bands), card.tile, card.tile))
    answer = Port(task.name, "N,K,H,W", ("batch", task.channels, card.tile, card.tile))
    return Built((out,), image, {task.name: answer}, run)


def _task(model: ModelFile) -> Task:
    """The task that Deepness shows."""
    card = model.card
    if card.dtype != "uint8":
        raise ExportError(f"{card.name} takes {card.dtype}; Deepness reads layers of uint8 only")
    return card.map_tasks()[0]


def keys(card: Card, task: Task) -> dict[str, object]:
    """The metadata that Deepness reads; each value is stored as JSON."""
    bands = len(card.bands)
    found: dict[str, object] = {
        "model_type": "Segmentor" if task.has_classes else "Regressor",
        "tile_size": card.tile,
        "tiles_overlap": round(100 * card.overlap / card.tile),  # percent
        "standardization_mean": [0.0] * bands,
        "standardization_std": [1 / 255] * bands,
    }
    if card.resolution:  # centimetres per pixel: the middle of the range on a logarithmic scale
        found["resolution"] = round(100 * math.sqrt(card.resolution[0] * card.resolution[1]), 1)
    if task.has_classes:
        names = {str(k): label for k, label in enumerate(task.labels)}
        return found | {"class_names": names, "seg_thresh": 0.0, "seg_small_segment": 0}
    return found | {"reg_output_scaling": 1.0}
