"""Agreement and speed of a model in every format of `smalti export --for`, each run by its own engine.

    python benchmarks/targets.py IMAGES MODEL ... [--work FOLDER] [--tiles 12] [--rounds 3] [--int8 IMAGES]

IMAGES is a folder of real images, of which tiles are taken; MODEL a name or an `.onnx` file. Converted files stay in
`--work`, and are converted again only if they are missing. A row's milliseconds are those of its fastest tile; `of
ONNX Runtime` is the median over the rounds of its median tile divided by that of ONNX Runtime in the same
round: only this can be compared on a machine that does other work. All engines have two threads, and 32-bit arithmetic
except `int8`. Formats whose converter is not installed are named at the end.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from smalti.arrays import Floats, Pixels
from smalti.deploy import convert
from smalti.deploy.agreement import agreement
from smalti.deploy.calibration_tiles import calibration_tiles
from smalti.deploy.targets import ncnn, tflite
from smalti.deploy.targets.tool import Tool
from smalti.errors import SmaltiError
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.runtime.onnx import OnnxPredictor
from smalti.workflows.convert import ENDINGS

THREADS = 2
HEADS = ("model", "format", "MB", "agreement", "ms (fastest)", "of ONNX Runtime")
Answer = Callable[[Sequence[Pixels]], tuple[list[list[Floats]], list[float]]]
"""Tiles 1,C,H,W -> of each the outputs N,K,H,W in the order of the tasks; and seconds."""


@dataclass
class Row:
    """A format of a model: how it runs, and its times per round."""

    name: str
    size: int
    answer: Answer
    outputs: list[list[Floats]] = field(default_factory=list)
    rounds: list[list[float]] = field(default_factory=list)

    @property
    def median(self) -> list[float]:
        """Of each round."""
        return [statistics.median(times) for times in self.rounds]


def main() -> None:
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, {THREADS} threads, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|---|---|" + "---:|" * (len(HEADS) - 2), flush=True)
    failed = [line for name in options.models for line in table(verify(find_model(name)), options)]
    print("\n".join(["", *failed]))


def table(model: ModelFile, options: argparse.Namespace) -> list[str]:
    """Prints the rows of a model; returns why formats are missing."""
    tiles = calibration_tiles(options.images, model.card)
    tiles = [tiles[int(at)] for at in np.linspace(0, len(tiles) - 1, min(len(tiles), options.tiles))]
    rows, failed = [Row("onnx", model.path.stat().st_size, partial(by_onnx, model))], []
    for target in ("openvino", "int8", "ncnn", "tflite", "deepness", "tensorrt"):
        try:
            rows.append(converted(model, target, options))
        except SmaltiError as error:
            failed.append(f"{model.card.name}, {target}: {error}")
    for _ in range(options.rounds):
        for row in rows:
            row.outputs, times = row.answer(tiles)
            row.rounds.append(times[1:])  # the first tile is warm-up
    for row in rows:
        print(line(model, row, rows[0]), flush=True)
    return failed


def line(model: ModelFile, row: Row, first: Row) -> str:
    names = [task.name for task in model.card.tasks][: len(row.outputs[0])]
    expected, found = ([dict(zip(names, each, strict=False)) for each in one.outputs] for one in (first, row))
    tasks = [model.card.task(name) for name in names]
    shares = ", ".join(f"{share:.4f}" for share in agreement(tasks, expected, found).values())
    ratio = statistics.median(own / base for own, base in zip(row.median, first.median, strict=True))
    fastest = 1e3 * min(min(times) for times in row.rounds)
    return f"| {model.card.name} | {row.name} | {row.size / 1e6:.1f} | {shares} | {fastest:.1f} | {ratio:.2f} |"


def converted(model: ModelFile, target: str, options: argparse.Namespace) -> Row:
    """A format of a model; SmaltiError if it cannot be had here."""
    kind = "openvino" if target == "int8" else target
    out = options.work / f"{model.card.name}_{target}{ENDINGS[kind]}"
    if not out.exists():
        images = calibration_tiles(options.int8, model.card) if target == "int8" else ()
        convert.check_target(out, kind)
        convert.convert_model(model, out, kind, print_nothing, images)
    files = [out, *(out.with_suffix(".bin") for _ in [0] if out.with_suffix(".bin").exists())]
    return Row(target, sum(path.stat().st_size for path in files), answers(kind, out))


def print_nothing(line: str) -> None:
    """Ignores what a conversion says."""


def answers(kind: str, out: Path) -> Answer:
    if kind == "openvino":
        return partial(by_openvino, out)
    if kind == "ncnn":
        return partial(by_tool, ncnn.TOOL, ncnn.SCRIPT, out, False)
    if kind == "tflite":
        return partial(by_tool, tflite.TOOL, tflite.SCRIPT, out, True)
    return partial(by_onnx, verify(out))


def by_onnx(model: ModelFile, tiles: Sequence[Pixels]) -> tuple[list[list[Floats]], list[float]]:
    predict = OnnxPredictor(model, THREADS)
    return timed(lambda tile: list(predict(tile).values()), tiles)


def by_openvino(out: Path, tiles: Sequence[Pixels]) -> tuple[list[list[Floats]], list[float]]:
    from smalti.runtime.openvino import openvino

    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS}
    compiled = openvino.Core().compile_model(str(out), "CPU", hints)
    return timed(lambda tile: [np.array(each) for each in compiled(tile.astype(np.float32)).values()], tiles)


def by_tool(
    tool: Tool, script: Path, out: Path, last: bool, tiles: Sequence[Pixels]
) -> tuple[list[list[Floats]], list[float]]:
    """By the Python of a converter; `last`: of a graph that takes and gives the channels last."""
    ran = tool.run(script, out, [tile.transpose(0, 2, 3, 1) if last else tile for tile in tiles])
    turned = [[each.transpose(0, 3, 1, 2) if last else each[None] for each in outputs] for outputs in ran.outputs]
    return turned, list(ran.seconds)


def timed(run: Callable[[Pixels], list[Floats]], tiles: Sequence[Pixels]) -> tuple[list[list[Floats]], list[float]]:
    outputs, times = [], []
    for tile in tiles:
        start = time.perf_counter()
        outputs.append(run(tile))
        times.append(time.perf_counter() - start)
    return outputs, times


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--work", type=Path, default=Path("build/targets"))
    parser.add_argument("--tiles", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--int8", type=Path, help="images to quantize with; default: IMAGES")
    options = parser.parse_args()
    options.int8 = options.int8 or options.images
    return options


if __name__ == "__main__":
    main()
