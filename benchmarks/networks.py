"""Cost of every network, and its accuracy after the same few steps of training.

    python benchmarks/networks.py --costs [--work FOLDER] [--only KEY ...]
    python benchmarks/networks.py --train --data FOLDER [--jobs 2] [--heaviest 100] [--only KEY ...]
    python benchmarks/networks.py --write docs/benchmarks/networks.md

`--costs`, for an otherwise idle machine and one network after the other: parameters; multiply-adds and milliseconds of
a 512x512 tile in ONNX Runtime; steps of the training per second and the peak memory of its process, two threads each.
`--train`: `smalti train recipes/networks.toml` of each network in a process of its own with one thread, `--jobs` of
them side by side, the light ones first; networks of more than `--heaviest` G multiply-adds are skipped. The checkpoint
is chosen on tile 6 of dubai; reported are the middle 1024x1024 pixels of each image of tile 7, and three drawn scenes
not seen in training. FOLDER is as in recipes/dubai.toml.

Results are stored in the folder of `--work`; a later run only measures what is missing there. Every form ends with the
table; `--write` writes it and its picture into a page, between its marks.
"""

import argparse
import hashlib
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from network_list import NETWORKS, Network
from networks_page import Row, table, write_page

from smalti.runtime.measure import Case, measure_alone, peak_memory

if TYPE_CHECKING:
    from smalti.card import Task
    from smalti.evaluation import Pair
    from smalti.raster.grid import Grid
    from smalti.scene import Predictor
    from smalti.tiling import Window

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "recipes" / "networks.toml"
TILE, THREADS, SECONDS = 512, 2, 3.0
MIDDLE = 1024
"""Side of the part of each test image that is scored: whole ones would take heavy networks longer than the training."""
UNSEEN, UNSEEN_SIZE = (9001, 9002, 9003), 1024
QUICK = ("train.steps=3", "schedule.warmup=1")


def main() -> None:
    options = _options()
    networks = [network for network in NETWORKS if not options.only or network.key in options.only]
    if options.child:
        network = next(network for network in NETWORKS if network.key == options.child)
        measured = _costs(network, options) if options.costs else _accuracy(network, options)
        print(json.dumps(measured))
        return
    if options.costs:
        for network in networks:
            _keep(network, options, "costs", {})
    if options.train:
        light = sorted((_weight(network), number) for number, network in enumerate(networks))
        chosen = [networks[number] for weight, number in light if weight <= options.heaviest]
        alone = {"OMP_NUM_THREADS": "1"}
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda network: _keep(network, options, "accuracy", alone), chosen))
    rows = [_row(network, options) for network in networks]
    print("\n" + table(rows))
    if options.write:
        write_page(options.write, rows, RECIPE)


def _row(network: Network, options: argparse.Namespace) -> Row:
    costs, accuracy = (_kept(network, options, what) for what in ("costs", "accuracy"))
    return Row(network.title, network.start, costs, accuracy)


def _kept(network: Network, options: argparse.Namespace, what: str) -> dict[str, Any]:
    """Earlier results of the same recipe; empty if there are none."""
    try:
        found: dict[str, Any] = json.loads((_home(network, options) / f"{what}.json").read_text())
    except FileNotFoundError:
        return {}
    return found


def _home(network: Network, options: argparse.Namespace) -> Path:
    """The folder of a network's results; with another recipe everything starts from scratch."""
    recipe = hashlib.sha256(b"\n".join([RECIPE.read_bytes(), *map(str.encode, options.changes)])).hexdigest()[:8]
    home: Path = options.work / recipe / network.key
    return home


def _keep(network: Network, options: argparse.Namespace, what: str, environment: dict[str, str]) -> None:
    """Measures one network in its own process unless done before; a failure is reported, and the others continue."""
    home = _home(network, options)
    if _kept(network, options, what):
        return
    home.mkdir(parents=True, exist_ok=True)
    phase = "--costs" if what == "costs" else "--train"
    command = [sys.executable, __file__, phase, "--child", network.key, "--work", str(options.work)]
    command += [part for change in options.changes for part in ("--set", change)]
    command += ["--data", str(options.data)] if options.data else []
    started = time.perf_counter()
    with (home / f"{what}.log").open("w") as log:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | environment)
    seconds = time.perf_counter() - started
    if done.returncode:
        print(f"{network.key}: failed after {seconds:.0f} s, see {home / f'{what}.log'}", file=sys.stderr, flush=True)
        return
    measured = json.loads(done.stdout.splitlines()[-1])
    machine = {"machine": f"{platform.machine()}, {psutil.cpu_count()} cores", "date": str(date.today())}
    (home / f"{what}.json").write_text(json.dumps(measured | machine, indent=2))
    shown = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
    print(f"{network.key}: {shown} ({seconds:.0f} s)", flush=True)


def _weight(network: Network) -> float:
    """G multiply-adds of a tile."""
    return _size(network, ())["giga"]


def _size(network: Network, changes: Sequence[str]) -> dict[str, float]:
    import torch

    from smalti.nets.build import build
    from smalti.nets.cost import count
    from smalti.training.recipe import read_recipe

    recipe = read_recipe(RECIPE, [*changes, *network.changes()])
    with torch.device("meta"):
        model = build(recipe.make_card(RECIPE.name))
    cost = count(model.net.eval(), TILE, TILE)
    return {"parameters": cost.parameters, "giga": cost.multiply_adds / 1e9}


def _costs(network: Network, options: argparse.Namespace) -> dict[str, float]:
    """All measurements of the first phase."""
    home = _home(network, options)
    steps = _steps(network, options, home / "net.onnx")
    milliseconds = 1e3 * measure_alone(Case(str(home / "net.onnx"), "onnx", THREADS, TILE), SECONDS).median
    return _size(network, options.changes) | steps | {"ms": milliseconds}


def _steps(network: Network, options: argparse.Namespace, graph: Path) -> dict[str, float]:
    """Steps per second on prepared windows, and peak memory in MB; `graph` is written unless a training did so."""
    from smalti.training.loop import begin
    from smalti.training.recipe import read_recipe

    small = 'data.train=[{ kind = "drawn", seeds = [1], size = 512 }]'
    judges = 'data.validation=[{ kind = "drawn", seeds = [2], size = 64 }]'
    own = [change for change in network.changes() if "encoder_weights" not in change]
    recipe = read_recipe(RECIPE, [*options.changes, *own, small, judges, f"train.threads={THREADS}"])
    with tempfile.TemporaryDirectory() as folder:
        run = begin(recipe, recipe.make_card(RECIPE.name), Path(folder), fresh=True)
        with closing(run.work.batches(0)) as batches:
            batch = itertools.repeat(next(batches))
        run.step(batch)  # warm
        times: list[float] = []
        while len(times) < 3 or (sum(times) < 5 and len(times) < 30):
            start = time.perf_counter()
            run.step(batch)
            times.append(time.perf_counter() - start)
    measured = {"steps": 1 / sorted(times)[len(times) // 2], "peak": peak_memory() / 1e6}
    if not graph.exists():
        _write_graph(run.model.cpu(), graph)
    return measured


def _write_graph(model: Any, out: Path) -> None:
    """The net as a file, not compared with torch: after a few steps it amplifies its rounding, which costs no time."""
    import torch

    from smalti.deploy.onnx import ExportedNet, card_graph, clean
    from smalti.runtime.models import sealed

    model = model.to(memory_format=torch.contiguous_format)  # the other layout ties some graphs to their example
    content, _ = sealed(clean(card_graph(ExportedNet(model, model.card).eval())), out, model.card)
    out.write_bytes(content)


def _accuracy(network: Network, options: argparse.Namespace) -> dict[str, float]:
    """Trains, exports and scores one network."""
    from smalti.data.pixels.scored import scored_pairs
    from smalti.data.pixels.sources import DrawnSource, FolderSource

    home = _home(network, options)
    changes = [f"data.root={options.data}", *options.changes, *network.changes()]
    trained = _smalti(
        "train", str(RECIPE), *(part for change in changes for part in ("--set", change)), "--out", str(home)
    )
    if trained != 0:
        raise SystemExit(f"{network.key}: was not trained")
    predict = _predictor(home / "best", home / "net.onnx")
    card, task = predict.card, predict.card.class_task()
    tile7, _ = scored_pairs(FolderSource(path=("dubai/tile7",)), options.data, card, card.tasks)
    drawn, _ = scored_pairs(DrawnSource(kind="drawn", seeds=UNSEEN, size=UNSEEN_SIZE), options.data, card, card.tasks)
    real = _scores(predict, [_middle(pair, task) for pair in tile7])
    return real | {f"drawn {name}": value for name, value in _scores(predict, drawn).items()}


def _smalti(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "smalti", *arguments], stdout=sys.stderr).returncode


def _predictor(checkpoint: Path, file: Path) -> "Predictor":
    """The checkpoint in ONNX Runtime; in torch if the export of a hardly trained net fails its comparison."""
    from smalti.runtime.open import open_model
    from smalti.training.predict import TorchPredictor, load_model

    if _smalti("export", str(checkpoint), str(file)) == 0:
        return open_model(str(file), "onnx", 1)
    return TorchPredictor(load_model(checkpoint))


def _scores(predict: "Predictor", pairs: "list[Pair]") -> dict[str, float]:
    """mIoU, mF1 and OA in percent."""
    from smalti.evaluation import evaluate

    found = evaluate(predict, pairs, boundary=None).scores
    return {name: 100 * float(getattr(found, name)) for name in ("miou", "mf1", "oa")}


def _middle(pair: "Pair", task: "Task") -> "Pair":
    """The middle of an image and of its labels."""
    from smalti.evaluation import Pair
    from smalti.raster.crop import CroppedLabels, CroppedReader

    def image() -> Any:
        whole = pair.open_image()
        return CroppedReader(whole, _inner(whole.grid))  # type: ignore[arg-type]

    def labels(_: "Grid") -> Any:
        with closing(pair.open_image()) as whole:
            grid = whole.grid
        return CroppedLabels(pair.truth[task.name](grid), _inner(grid), task.ignore)  # type: ignore[arg-type]

    return Pair(pair.name, image, {task.name: labels})


def _inner(grid: "Grid") -> "Window":
    from smalti.tiling import Window

    height, width = min(MIDDLE, grid.height), min(MIDDLE, grid.width)
    return Window((grid.height - height) // 2, (grid.width - width) // 2, height, width)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--costs", action="store_true", help="measure what is missing of sizes, speed and memory")
    parser.add_argument("--train", action="store_true", help="train and score missing runs")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="what recipes/dubai.toml asks for")
    parser.add_argument("--work", type=Path, default=Path("runs/networks"), help="where results are stored")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side, of one thread each")
    parser.add_argument("--heaviest", type=float, default=100, metavar="G", help="multiply-adds of a tile, in 1e9")
    parser.add_argument("--only", nargs="+", choices=[n.key for n in NETWORKS], metavar="KEY", help="some networks")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C", help="change the recipe")
    parser.add_argument("--quick", action="store_true", help="only show that it runs: three steps of three networks")
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="put the table and its picture into a page")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train and not options.data:
        parser.error("--train needs --data FOLDER")
    if options.write and (options.changes or options.quick):
        parser.error("--write is for the recipe without changes: omit --set and --quick")
    if options.quick:
        options.changes += QUICK
        options.only = options.only or ["ued_bes", "fastscnn", "pidnet_s"]
    return options


if __name__ == "__main__":
    main()
