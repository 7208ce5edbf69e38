"""Ways to map a scene side by side, in one run: an earlier version, this one, and torch with tiles.

    python benchmarks/side_by_side.py [MODEL ...] [--old FOLDER] [--others PYTHON] [--size 4000] [--rounds 3]

The scene is the one of `map_scene.py`. All cases run in turns, each in a process of its own, from opening the scene to
the finished file, with the network loaded and warm; of each the fastest of all rounds counts. `CPU s` is the time of
all threads together: other work on the machine changes it least. `peak MB` is the peak resident memory of the process.

`landcover` and every MODEL, a name or an .onnx file, run with each engine at hand. `--old` is a checkout of an earlier
version, `git worktree add FOLDER COMMIT`, which maps with its own `landcover`. The loop over torch needs the packages
of training here. `--others` is the Python of another environment with geoai-py, terratorch and
segmentation-models-pytorch; what cannot be imported there is left out, with one line. See `side_by_side_steps.py` for
what each of them does.
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
from fast_path import ROOT, STEP

STEPS = str(ROOT / "benchmarks" / "side_by_side_steps.py")
DRAW = "import sys; from pathlib import Path; from map_scene import write_scene; write_scene(Path(sys.argv[1]), {})"
LIGHT = "LinkNet, MobileNetV2"
HEADS = ("case", "network", "engine", "seconds", "MPix/s", "CPU s", "times the first", "peak MB")


@dataclass
class Case:
    """A row of the table; the command takes a scene and a map's path, and prints seconds, CPU seconds and MB."""

    cells: tuple[str, str, str]
    command: list[str]
    source: Path = ROOT / "src"
    seconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    peak: float = 0.0

    def run(self, scene: Path) -> None:
        """Maps the scene once."""
        with tempfile.TemporaryDirectory(dir=scene.parent) as folder:
            done = _run([*self.command, str(scene), str(Path(folder) / "map.tif")], self.source)
        if done.returncode:
            sys.exit(f"{self.cells}:\n{done.stderr}")
        seconds, busy, peak = json.loads(done.stdout.splitlines()[-1])
        self.seconds.append(seconds)
        self.busy.append(busy)
        self.peak = max(self.peak, peak)

    def missing(self) -> str:
        """Why the case cannot run here; empty if it can."""
        done = _run(self.command, self.source)
        return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def main() -> None:
    options = _options()
    cases = list(_cases(options))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        scene = Path(folder) / "scene.tif"
        # Not in this process: a child's peak memory counts from that of the process which starts it.
        _run([sys.executable, "-c", DRAW.format(options.size), str(scene)], ROOT / "src", ROOT / "benchmarks")
        for _ in range(options.rounds):
            for case in cases:
                case.run(scene)
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}, load {psutil.getloadavg()[0]:.1f}"
    print(f"{machine}; {options.size} x {options.size} pixels, the fastest of {options.rounds} rounds\n")
    print("| " + " | ".join(HEADS) + " |\n|---|---|---|" + "---:|" * (len(HEADS) - 3))
    for case in cases:
        print(_line(case, cases[0], options.size))


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    here = sys.executable
    if options.old:
        first = ("earlier version", "`landcover`", "onnx")
        yield Case(first, [here, "-c", STEP, "landcover", "onnx"], options.old.resolve() / "src")
    for model in ["landcover", *options.models]:
        for engine in ["onnx", *(["openvino"] if find_spec("openvino") else [])]:
            yield Case(("Smalti", f"`{Path(model).stem}`", engine), [here, "-c", STEP, model, engine])
    torch = [Case(("a loop over tiles", "DeepLabv3+, ResNet-50", "torch"), [here, STEPS, "loop"])]
    others = ("geoai", "terratorch") if options.others else ()
    for case in torch + [Case((name, LIGHT, "torch"), [options.others, STEPS, name]) for name in others]:
        if why := case.missing():
            print(f"{case.cells[0]} is left out: {why}", file=sys.stderr)
        else:
            yield case


def _run(command: list[str], *sources: Path) -> subprocess.CompletedProcess[str]:
    own = {"PYTHONPATH": os.pathsep.join(map(str, sources)), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)


def _line(case: Case, first: Case, size: int) -> str:
    seconds = min(case.seconds)
    figures = (f"{seconds:.2f}", f"{size**2 / seconds / 1e6:.2f}", f"{min(case.busy):.2f}",
               f"{min(first.seconds) / seconds:.2f}", f"{case.peak:.0f}")  # fmt: skip
    return "| " + " | ".join([*case.cells, *figures]) + " |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--old", type=Path, metavar="FOLDER")
    parser.add_argument("--others", metavar="PYTHON")
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where the scene and maps are written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
