"""OpenVINO: an `.xml` and a `.bin` file with weights of 16 bits, or with weights and activations of 8 bits."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from smalti.arrays import Floats, Pixels
from smalti.card import Card, Task
from smalti.deploy.plain import plain_graph
from smalti.deploy.targets.built import Built, Port, by_task
from smalti.errors import ExportError, MissingExtraError
from smalti.runtime.batch import network_input, usable_cores
from smalti.runtime.models import ModelFile
from smalti.watch import Say

_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def build(model: ModelFile, folder: Path, stem: str, say: Say, calibration: Sequence[Pixels] = ()) -> Built:
    """Converts a model for one tile of its card's size; with tiles for `calibration` to integers of 8 bits.

    MissingExtraError without OpenVINO, or NNCF for 8 bits; ExportError where OpenVINO cannot.
    """
    openvino = _openvino()

    card = model.card
    graph = plain_graph(model.content, card).SerializeToString()
    try:
        network = openvino.Core().read_model(graph)
    except RuntimeError as error:
        raise ExportError(f"OpenVINO cannot convert the network: {str(error).strip().splitlines()[-1]}") from None
    if calibration:
        say("quantizing with NNCF; that takes a minute or more")
        network = _quantized(network, calibration, card)
    out = folder / f"{stem}.xml"
    openvino.save_model(network, str(out), compress_to_fp16=True)
    outputs = {task.name: _port(card, task) for task in card.tasks}
    image = Port("image", "N,C,H,W", (1, len(card.bands), card.tile, card.tile))
    return Built((out, out.with_suffix(".bin")), image, outputs, partial(_run, openvino, out, card))


def _port(card: Card, task: Task) -> Port:
    sides = () if task.per_image else (card.tile, card.tile)
    return Port(task.name, "N,K" if task.per_image else "N,K,H,W", (1, task.channels, *sides))


def _run(openvino: Any, path: Path, card: Card, tiles: Sequence[Pixels]) -> list[dict[str, Floats]]:
    hints = _EXACT | {"INFERENCE_NUM_THREADS": usable_cores()}
    compiled = openvino.Core().compile_model(str(path), "CPU", hints)
    names = [task.name for task in card.tasks]
    found = [compiled(network_input(tile, card)) for tile in tiles]
    return [by_task(names, [each[name] for name in names]) for each in found]


def _quantized(network: Any, tiles: Sequence[Pixels], card: Card) -> Any:
    nncf = _nncf()
    data = nncf.Dataset([network_input(tile, card) for tile in tiles])
    with redirect_stdout(sys.stderr):  # for its progress bar
        return nncf.quantize(network, data, subset_size=len(tiles), preset=nncf.QuantizationPreset.MIXED)


def _openvino() -> Any:
    """OpenVINO without its telemetry; MissingExtraError if it is not installed."""
    from smalti.runtime import openvino

    return openvino.openvino  # type: ignore[attr-defined]  # imported there, so that it does not report itself


def _nncf() -> Any:
    """NNCF without its telemetry; MissingExtraError if it is not installed."""
    from smalti.runtime.openvino import without_telemetry

    try:
        with without_telemetry():
            import nncf
    except ImportError:
        raise MissingExtraError("nncf", "int8") from None
    return nncf
