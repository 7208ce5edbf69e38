"""Converts a model file for another engine or device, runs the result, and writes it if both agree."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from smalti.arrays import Pixels
from smalti.deploy import agreement
from smalti.deploy.plain import plain_graph
from smalti.deploy.targets import deepness, ncnn, openvino, tensorrt, tflite
from smalti.deploy.targets.built import Built
from smalti.deploy.targets.manifest import check_free, write_files
from smalti.errors import ModelError
from smalti.runtime.integers import in_floats
from smalti.runtime.models import ModelFile
from smalti.runtime.onnx import OnnxPredictor
from smalti.watch import Say

Build = Callable[[ModelFile, Path, str, Say], Built]


@dataclass(frozen=True, slots=True)
class Target:
    """What writes a format, and how its files end."""

    build: Build
    more: tuple[str, ...] = ()
    """Endings of further files beside the output, and beside the manifest."""
    least: float = agreement.LEAST
    """The agreement below which nothing is written."""
    integers: bool = False
    """Whether it holds a model in 8-bit integers as that is; others hold it in floats."""


TARGETS: dict[str, Target] = {
    "openvino": Target(openvino.build, (".bin",), agreement.LEAST_HALF),
    "tflite": Target(tflite.build),
    "ncnn": Target(ncnn.build, (".bin",)),
    "deepness": Target(deepness.build, integers=True),
    "tensorrt": Target(tensorrt.build, ("_run.py",), integers=True),
}


_SAFE = frozenset({
    "Add", "AveragePool", "Clip", "Concat", "Conv", "Greater", "MaxPool", "Mul", "Relu", "Resize", "Softmax",
    "Softplus", "Sub", "Where",
})  # fmt: skip
"""Operators that all targets run correctly."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The written files, and how well they agree with the model."""

    files: tuple[Path, ...]
    agreement: dict[str, float]
    """Per task the share of pixels of the same class, or 1 - the relative difference of values."""
    tiles: int
    """Test tiles that were compared."""


def check_target(out: Path, target: str) -> None:
    """OutputError if files of the target would replace others, or cannot be written."""
    check_free(out, (out.suffix, *TARGETS[target].more))


def convert_model(model: ModelFile, out: Path, target: str, say: Say, calibration: Sequence[Pixels] = ()) -> Converted:
    """Writes the files of a target, OUT and those beside it.

    `calibration` are tiles 1,C,H,W for 8 bits (OpenVINO): every second one is kept to compare the result on.
    ModelError for a model of photos or of more inputs; ExportError, and no file, if it cannot be converted or the
    result differs; MissingToolError or MissingExtraError for what is not installed.
    """
    card = model.card.model_copy(update={"unlike": None})  # these formats hold the tasks alone
    model = replace(model if TARGETS[target].integers else in_floats(model), card=card)
    if card.tasks[0].kind == "score":
        raise ModelError(f"{model.path}: ranks photos; only models of pixels or images are converted")
    build = partial(openvino.build, calibration=calibration[::2]) if calibration else TARGETS[target].build
    tiles = list(calibration[1::2]) or agreement.tiles_of(card)
    reference = OnnxPredictor(model)
    with tempfile.TemporaryDirectory() as folder:
        built = build(model, Path(folder), out.stem, say)
        say("comparing its predictions with the model's")
        expected = [reference(tile) for tile in tiles]
        tasks = [task for task in card.tasks if task.name in built.outputs]
        found = agreement.agreement(tasks, expected, built.run(tiles))
        least = agreement.LEAST_INT8 if calibration else TARGETS[target].least
        agreement.check_agreement(found, least, target, suspects(model))
        files = write_files(built, out, target, model, found)
    return Converted(tuple(files), found, len(tiles))


def suspects(model: ModelFile) -> list[str]:
    """Operators of a model's plain graph that are not among those which every target runs correctly."""
    return sorted({node.op_type for node in plain_graph(model.content, model.card).graph.node} - _SAFE)
