"""The sharing schemes compared: land cover and height of drawn scenes on an equal budget, three seeds each.

    python benchmarks/multitask.py --train --data FOLDER [--jobs 2] [--work FOLDER] [--schemes NAME ...] [--seeds 0 1 2]
    python benchmarks/multitask.py --costs [--work FOLDER]
    python benchmarks/multitask.py --write docs/benchmarks/multitask.md

`--train`: `smalti train recipes/multitask_drawn.toml` of every scheme with every seed, in processes of one thread each,
`--jobs` side by side; the checkpoint is chosen on the recipe's validation, scored are its test scenes. Delta_m compares
a run with the run of the scheme `separate`, whose branches are independent, of the same seed. `--costs`, for
an otherwise idle machine: parameters, multiply-adds, milliseconds of a 512x512 tile in ONNX Runtime, two threads.

Results are stored in the folder of `--work`; a later run only measures what is missing there. Every form ends with the
table; `--write` writes it into a page, between its marks.
"""

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psutil
from between_marks import fill_page

from smalti.evaluation.delta import delta_m
from smalti.evaluation.result import Main
from smalti.runtime.measure import Case, measure_alone

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "recipes" / "multitask_drawn.toml"
SINGLE = "separate"
# name in the table: changes to the recipe
SCHEMES: dict[str, tuple[str, ...]] = {
    SINGLE: ("net.sharing=separate",),
    "shared": ("net.sharing=shared",),
    "cross_stitch": ("net.sharing=cross_stitch",),
    "nddr": ("net.sharing=nddr",),
    "mtan": ("net.sharing=mtan",),
    "afa": ("net.sharing=afa",),
    "afa, own gradients": ("net.sharing=afa", 'net.options.isolation="own"'),
    "afa, slow gates": ("net.sharing=afa", "optim.sharing_factor=0.1"),
}
TILE, THREADS, SECONDS = 512, 2, 3.0
HEADS = ("scheme", "mIoU, %", "height RMSE, m", "delta 1, %", "Delta_m, %", "M parameters", "G multiply-adds",
         "ms per tile", "training, peak MB")  # fmt: skip


def main() -> None:
    options = _options()
    home = options.work / hashlib.sha256(RECIPE.read_bytes()).hexdigest()[:8]
    runs = [(scheme, seed) for seed in options.seeds for scheme in options.schemes]
    if options.train:
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda run: _train(home, options.data, *run), runs))
    if options.costs:
        for scheme in options.schemes:
            _cost(home, scheme)
    text = "\n".join([_words(options), "", _table(home, options)])
    print("\n" + text)
    if options.write:
        fill_page(options.write, text)


def _train(home: Path, data: Path, scheme: str, seed: int) -> None:
    """Trains and scores one run unless done before; a failure is reported, and the others continue."""
    folder = _place(home, scheme) / str(seed)
    if (folder / "measured.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    changes = (*SCHEMES[scheme], f"data.root={data.resolve()}", f"train.seed={seed}", "train.threads=1")
    sets = [part for change in changes for part in ("--set", change)]
    peak = _smalti(folder, "train", str(RECIPE), *sets, "--out", str(folder / "run"))
    best, test = str(folder / "run" / "best"), folder / "test.json"
    if peak and _smalti(folder, "evaluate", best, str(RECIPE), "--part", "test", "--json", str(test)):
        (folder / "measured.json").write_text(
            json.dumps({"peak": peak, "tasks": json.loads(test.read_text())["tasks"]})
        )
        print(f"{scheme}, seed {seed}: done", flush=True)
    else:
        print(f"{scheme}, seed {seed}: failed, see {folder / 'log'}", file=sys.stderr, flush=True)


def _place(home: Path, scheme: str) -> Path:
    return home / scheme.replace(", ", "-").replace(" ", "_")


def _smalti(folder: Path, *arguments: str) -> float:
    """The peak memory of the command in MB; 0 if it failed."""
    with (folder / "log").open("a") as log:
        command = [sys.executable, "-m", "smalti", *arguments]
        child = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})
        _, status, usage = os.wait4(child.pid, 0)
    return usage.ru_maxrss / 1024 if status == 0 else 0.0


def _cost(home: Path, scheme: str) -> None:
    """Measures the cost of a scheme unless done before."""
    import torch

    from smalti.deploy.onnx import ExportedNet, card_graph, clean
    from smalti.nets.build import build
    from smalti.nets.cost import count
    from smalti.runtime.models import sealed
    from smalti.training.recipe import read_recipe

    folder = _place(home, scheme)
    if (folder / "costs.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = build(read_recipe(RECIPE, SCHEMES[scheme]).make_card(RECIPE.name)).eval()
    cost = count(model.net, TILE, TILE)
    file = folder / "net.onnx"
    file.write_bytes(sealed(clean(card_graph(ExportedNet(model, model.card).eval())), file, model.card)[0])
    milliseconds = 1e3 * measure_alone(Case(str(file), "onnx", THREADS, TILE), SECONDS).median
    measured = {"parameters": cost.parameters, "giga": cost.multiply_adds / 1e9, "ms": milliseconds}
    (folder / "costs.json").write_text(json.dumps(measured))


def _table(home: Path, options: argparse.Namespace) -> str:
    lines = ["| " + " | ".join(HEADS) + " |", "|---|" + "---:|" * (len(HEADS) - 1)]
    single = {seed: _run(home, SINGLE, seed) for seed in options.seeds}
    for scheme in options.schemes:
        runs = {seed: run for seed in options.seeds if (run := _run(home, scheme, seed))}
        cells = _scores(runs, single) if runs else ["-"] * 4
        folder = _place(home, scheme)
        costs = json.loads((folder / "costs.json").read_text()) if (folder / "costs.json").exists() else {}
        cells += (
            [f"{costs['parameters'] / 1e6:.2f}", f"{costs['giga']:.2f}", f"{costs['ms']:.0f}"] if costs else ["-"] * 3
        )
        cells += [f"{max(run['peak'] for run in runs.values()):.0f}" if runs else "-"]
        lines.append(f"| {scheme} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _run(home: Path, scheme: str, seed: int) -> dict[str, Any]:
    path = _place(home, scheme) / str(seed) / "measured.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _scores(runs: dict[int, dict[str, Any]], single: dict[int, dict[str, Any]]) -> list[str]:
    """mIoU, RMSE, delta 1 and Delta_m: mean and standard deviation over seeds."""
    rows = []
    for seed, run in runs.items():
        mains, others = _mains(run), _mains(single[seed]) if single[seed] else {}
        gain = 100 * delta_m(mains, others).mean if others else float("nan")
        height = run["tasks"]["height"]
        rows.append((100 * mains["landcover"].value, mains["height"].value, 100 * height["values"]["delta 1"], gain))
    return [_spread(column, digits) for column, digits in zip(zip(*rows, strict=True), (1, 2, 1, 1), strict=True)]


def _mains(run: dict[str, Any]) -> dict[str, Main]:
    parts = {name: task["main"] for name, task in run["tasks"].items()}
    return {name: Main(main["name"], main["value"], main["higher_is_better"]) for name, main in parts.items()}


def _spread(values: Sequence[float], digits: int) -> str:
    if len(values) < 2:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


def _words(options: argparse.Namespace) -> str:
    recipe = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    train, test = recipe["train"], recipe["data"]["test"][0]
    return (
        f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}. {train['steps']} steps of {train['batch']} "
        f"windows of {train['crop']}x{train['crop']}, encoders from ImageNet, equal weights of both tasks; scored on "
        f"{len(test['seeds'])} drawn scenes of {test['size']}x{test['size']} that no training has seen. Mean and "
        f"standard deviation of seeds {', '.join(map(str, options.seeds))}; Delta_m against `{SINGLE}`, seed by seed."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", action="store_true", help="train and score missing runs")
    parser.add_argument("--costs", action="store_true", help="measure missing sizes and speeds")
    parser.add_argument("--data", type=Path, default=Path(), help="the recipe's data.root, with the encoder's weights")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side, of one thread each")
    parser.add_argument("--work", type=Path, default=Path("runs/multitask"), help="where results are stored")
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=list(SCHEMES), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="put the table into a page")
    return parser.parse_args()


if __name__ == "__main__":
    main()
