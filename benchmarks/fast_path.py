"""The speed of mapping a scene by versions, engines, tile sizes and integers, in one run, with the accuracy beside it.

    python benchmarks/fast_path.py INT8.onnx [--old FOLDER] [--size 4000] [--rounds 5] [--data FOLDER]

INT8.onnx is a model of `smalti shrink landcover`. `--old` is a checkout of an earlier version, `git worktree add FOLDER
COMMIT`, which maps with its own `landcover`. The scene is the one of `map_scene.py`. All cases run in turns, each in a
process of its own, from opening the scene to the finished file; of each the fastest of all rounds counts, as the
clock of a machine changes within a minute. `CPU s` is the time of all threads together: other work on the machine
changes it least. `--data` is a folder of images with labels that nothing was chosen by; models are scored with ONNX
Runtime.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import psutil
from map_scene import write_scene

ROOT = Path(__file__).resolve().parent.parent
LARGE = 1024
STEP = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from smalti.mapping.run import map_scene
from smalti.raster.read import open_raster
from smalti.runtime.open import open_model
model, engine, scene, out = sys.argv[1:]
predict = open_model(model, engine)
predict(np.zeros((1, len(predict.card.bands), predict.card.tile, predict.card.tile), np.uint8))
start, busy = time.perf_counter(), time.process_time()
with open_raster(scene) as reader:
    map_scene(reader, predict, Path(out), {})
times = [time.perf_counter() - start, time.process_time() - busy]
print(json.dumps([*times, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3]))
"""


@dataclass
class Case:
    """A row of the table."""

    name: str
    model: str
    engine: str = "onnx"
    source: Path = ROOT / "src"
    seconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    peak: float = 0.0

    def run(self, scene: Path) -> None:
        """Maps the scene once."""
        own = os.environ | {"PYTHONPATH": str(self.source)}
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", STEP, self.model, self.engine, str(scene), str(Path(folder) / "map.tif")]
            done = subprocess.run(command, env=own, stdout=subprocess.PIPE, text=True, check=True)
        seconds, busy, peak = json.loads(done.stdout)
        self.seconds.append(seconds)
        self.busy.append(busy)
        self.peak = max(self.peak, peak)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        scene = write_scene(Path(folder) / "scene.tif", options.size)
        cases = list(_cases(options, Path(folder)))
        for _ in range(options.rounds):
            for case in cases:
                case.run(scene)
        machine = f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}"
        print(f"{machine}; {options.size} x {options.size} pixels, the fastest of {options.rounds} rounds\n")
        print("| case | engine | seconds | MPix/s | CPU s | times the first | peak MB | mIoU | boundary F1 |")
        print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
        for case in cases:
            print(_line(case, cases[0], options))


def _cases(options: argparse.Namespace, folder: Path) -> Iterator[Case]:
    if options.old:
        yield Case("earlier version, `landcover`", "landcover", source=options.old.resolve() / "src")
    engines = ["onnx", *(["openvino"] if find_spec("openvino") else [])]
    files = {"`landcover`": "landcover", "8-bit integers": str(options.int8)}
    for name, model in files.items():
        yield from (Case(name, model, engine) for engine in engines)
        large = _with_tile(model, folder / f"{Path(model).stem}-{LARGE}.onnx")
        yield from (Case(f"{name}, tiles of {LARGE}", large, engine) for engine in engines)


def _with_tile(model: str, out: Path) -> str:
    """The same model with a card of larger tiles."""
    from smalti.runtime.models import find_model, seal, verify

    found = verify(find_model(model))
    out.write_bytes(found.content)
    seal(out, found.card.model_copy(update={"tile": LARGE}))
    return str(out)


def _line(case: Case, first: Case, options: argparse.Namespace) -> str:
    seconds = min(case.seconds)
    speed = options.size**2 / seconds / 1e6
    times = f"{min(first.seconds) / seconds:.2f} ({min(first.busy) / min(case.busy):.2f})"
    cells = [case.name, case.engine, f"{seconds:.2f}", f"{speed:.2f}", f"{min(case.busy):.2f}", times]
    return "| " + " | ".join([*cells, f"{case.peak:.0f}", *_accuracy(case, options.data)]) + " |"


def _accuracy(case: Case, data: Path | None) -> tuple[str, str]:
    if data is None or case.source != ROOT / "src" or case.engine != "onnx":
        return "", ""
    import smalti as sm

    [result] = sm.evaluate(sm.open_model(case.model, case.engine), data)
    figures = dict(result.figures())
    return f"{100 * figures['mIoU']:.1f}", f"{100 * figures['boundary F1 at 3 px']:.1f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("int8", type=Path, metavar="INT8.onnx")
    parser.add_argument("--old", type=Path, metavar="FOLDER")
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    main()
