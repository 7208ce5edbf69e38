"""How long each layer of a graph takes on this machine."""

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.shrink.quantize import Quantizer
from smalti.runtime.batch import network_input

RUNS = 15
_FUSED = re.compile(r"_token_\d+$")
"""What ONNX Runtime appends to the names of layers."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Milliseconds of one core for one tile; where size is measured, thousands of parameters."""

    total: float
    """The sum over all operations."""
    layers: dict[str, float]
    """By convolution, named as in the net."""


def in_integers(content: bytes, card: Card, tile: Pixels) -> bytes:
    """A graph, an ONNX file, in 8-bit integers whose ranges are those of one tile: it is as fast as a careful one."""
    return Quantizer(content, card, [tile]).quantized()


def layer_times(graphs: Sequence[bytes], card: Card, tile: Pixels) -> list[Amounts]:
    """The times of graphs, ONNX files, for a tile of raw pixels 1,C,H,W.

    They run in turns, and of each operation the fastest of all runs counts: other work on the machine only makes it
    slower, and its clock changes.
    """
    pixels = {"image": network_input(tile, card)}
    with tempfile.TemporaryDirectory() as folder:
        sessions = [_profiled(graph, Path(folder) / str(number)) for number, graph in enumerate(graphs)]
        for _ in range(RUNS):
            for session in sessions:
                session.run(None, pixels)
        return [_read(Path(session.end_profiling())) for session in sessions]


def _profiled(graph: bytes, prefix: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # several wait for each other beside other work
    options.log_severity_level = 4
    options.enable_profiling = True
    options.profile_file_prefix = str(prefix)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _read(profile: Path) -> Amounts:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in json.loads(profile.read_text(encoding="utf-8")):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            found[event["args"]["op_name"], _plain(event["name"])].append(event["dur"] / 1e3)
    least = {key: min(times) for key, times in found.items()}
    layers = {name: time for (operation, name), time in least.items() if "Conv" in operation}
    return Amounts(sum(least.values()), layers)


def _plain(name: str) -> str:
    return _FUSED.sub("", name.removesuffix("_kernel_time"))
