"""ncnn, for Arm processors without an operating system's comforts: a `.param` and a `.bin` file, converted by pnnx."""

import re
from collections.abc import Sequence
from pathlib import Path

from smalti.arrays import Floats, Pixels
from smalti.card import Card
from smalti.deploy.plain import plain_graph
from smalti.deploy.targets.built import Built, Port, by_task
from smalti.deploy.targets.tool import Tool
from smalti.errors import ExportError
from smalti.runtime.models import ModelFile
from smalti.watch import Say

TOOL = Tool("pnnx", "pnnx ncnn", "1 GB", "ncnn")
_LAYER = re.compile(r"[A-Z][A-Za-z0-9]*")
"""A layer that ncnn has; pnnx leaves others under their names in torch, such as `F.grid_sample`."""
SCRIPT = Path(__file__).parents[1] / "on_device" / "run_ncnn.py"


def build(model: ModelFile, folder: Path, stem: str, say: Say) -> Built:
    """Converts a model for tiles of its card's size; MissingToolError without pnnx, ExportError where it cannot."""
    TOOL.find()
    card = model.card
    graph = folder / "graph.onnx"
    graph.write_bytes(plain_graph(model.content, card).SerializeToString())
    say("converting with pnnx")
    shape = [1, len(card.bands), card.tile, card.tile]
    TOOL.convert([graph.name, f"inputshape={shape}".replace(" ", ""), "fp16=0"], folder)
    param, weights = folder / f"{stem}.param", folder / f"{stem}.bin"
    (folder / "graph.ncnn.param").rename(param)
    (folder / "graph.ncnn.bin").rename(weights)
    check_layers(param)
    outputs = {task.name: _port(card, at) for at, task in enumerate(card.tasks)}
    image = Port("in0", "C,H,W", (len(card.bands), card.tile, card.tile))

    def run(tiles: Sequence[Pixels]) -> list[dict[str, Floats]]:
        found = TOOL.run(SCRIPT, param, tiles)
        return [by_task(list(outputs), [array[None] for array in arrays]) for arrays in found.outputs]

    return Built((param, weights), image, outputs, run)


def _port(card: Card, at: int) -> Port:
    task = card.tasks[at]
    sides = () if task.per_image else (card.tile, card.tile)
    return Port(f"out{at}", "K" if task.per_image else "K,H,W", (task.channels, *sides))


def check_layers(param: Path) -> None:
    """ExportError, with its name, for an operator that ncnn does not have."""
    layers = [line.split()[0] for line in param.read_text(encoding="utf-8").splitlines()[2:] if line.strip()]
    missing = sorted({layer for layer in layers if not _LAYER.fullmatch(layer)})
    if missing:
        raise ExportError(f"ncnn has no operator for {', '.join(missing)}: the network cannot be converted to it")
