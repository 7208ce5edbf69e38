"""Which engine `--engine auto` takes for models on this machine, what measuring costs, and whole scenes beside it.

    python benchmarks/auto_engine.py [MODEL ...] [--size 4000] [--rounds 3]

Each measurement is made in a process of its own with an empty cache folder. The scene is that of `map_scene.py`; it is
mapped with both engines as by `fast_path.py`. All take turns, and of each the fastest round counts; `CPU s` is the time
of all threads together: other work on the machine changes it least.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import psutil
from fast_path import ROOT, Case
from map_scene import write_scene

HEADS = ("model", "what is said", "measuring, s", "ONNX Runtime, s", "CPU s", "OpenVINO, s", "CPU s")
STEP = """
import json, sys, time
import smalti as sm
from smalti.workflows.engine import EngineChoice
model, said = sm.open_model(sys.argv[1]), []
start = time.perf_counter()
EngineChoice(model, tta=False)(None, 10**6, said.append)
print(json.dumps([time.perf_counter() - start, said]))
"""


def main() -> None:
    options = _options()
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}"
    print(f"{machine}; {options.size} x {options.size} pixels, the fastest of {options.rounds} rounds\n")
    print("| " + " | ".join(HEADS) + " |\n|---|---|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        scene = write_scene(Path(folder) / "scene.tif", options.size)
        for model in options.models:
            cases = [Case(model, model, engine) for engine in ("onnx", "openvino")]
            measured = []
            for _ in range(options.rounds):
                measured.append(_measured(model))
                for case in cases:
                    case.run(scene)
            seconds, said = min(measured)
            figures = (f"{figure:.1f}" for case in cases for figure in (min(case.seconds), min(case.busy)))
            print("| " + " | ".join([Path(model).stem, "; ".join(said), f"{seconds:.1f}", *figures]) + " |", flush=True)


def _measured(model: str) -> tuple[float, list[str]]:
    """Seconds until the engine is chosen and started, and the lines that are said."""
    with tempfile.TemporaryDirectory() as cache:
        own = os.environ | {"PYTHONPATH": str(ROOT / "src"), "XDG_CACHE_HOME": cache}
        done = subprocess.run(
            [sys.executable, "-c", STEP, model], env=own, stdout=subprocess.PIPE, text=True, check=True
        )
    seconds, said = json.loads(done.stdout)
    return seconds, said


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["landcover", "town"], metavar="MODEL")
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
