"""Rankers of photos compared: the published form, its pooled baselines, cues alone, and ours.

    python benchmarks/rankers.py recipes/bestshot.toml --set data.root=FOLDER --out runs/rankers [--budget frozen|whole]

Two budgets. `frozen`: every form on the recipe's own encoder, whose trained weights stay as they are, pictures whole.
`whole`: encoders of any size from random weights, trained with all that is on them, pictures of half the side. Within
a budget all learn from the same batches of the recipe's training series, in the same order, by the same loss (pairs),
optimizer and number of steps; all are scored on the recipe's test series, each pair in both orders. A killed run
resumes; finished rows are skipped.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.data.photos.stream import Comparison
from smalti.errors import SmaltiError
from smalti.evaluation.ranking import Judged, RankingScores, by_scores, score_ranking
from smalti.files import write_whole
from smalti.nets.ranking.ranker import CueBranch
from smalti.photos.baselines import BASELINES
from smalti.training.encoder import Freezing
from smalti.training.kinds.ranking.preference import pair_loss
from smalti.training.kinds.ranking.work import RankingWork
from smalti.training.recipe import read_recipe

FORMS: dict[str, dict[str, dict[str, str]]] = {
    "frozen": {
        "cues alone": {},
        "pooled": {"name": "pooled"},
        "published form": {"name": "siamese"},
        "ours": {"name": "ranker"},
    },
    "whole": {
        "cues alone": {},
        "pooled, ResNet-18": {"name": "pooled", "encoder": "resnet18"},
        "pooled, ResNet-50": {"name": "pooled", "encoder": "resnet50"},
        "pooled, ResNet-101": {"name": "pooled", "encoder": "resnet101"},
        "pooled, Inception v3": {"name": "pooled", "encoder": "inceptionv3"},
        "published form, ResNet-50": {"name": "siamese", "encoder": "resnet50"},
        "ours, MobileNetV2": {"name": "ranker"},
    },
}
"""Rows by budget; what is not said is as in the recipe."""
STEPS = {"frozen": 600, "whole": 150}
SERIES = {"frozen": 8, "whole": 2}
"""In a step."""
RATE = 1e-3
"""Largest learning rate."""
EVERY = 25
"""Steps after which a run is kept."""


class Cues(nn.Module):
    """A score from the cues alone."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.branch = CueBranch(count)
        self.judge = nn.Linear(64, 1, bias=False)

    def forward(self, image: Tensor, cues: Tensor, pairs: Tensor) -> dict[str, Tensor]:
        """As all rankers; the picture is not looked at."""
        score = self.judge(self.branch(cues))
        return {"preference": (score[pairs[:, 0]] - score[pairs[:, 1]])[:, 0]}

    def start(self, image: Tensor, cues: Tensor) -> None:
        """As all rankers."""
        self.branch.start(cues)


def main() -> None:
    options = _options()
    cv2.setNumThreads(1)
    torch.set_num_threads(options.threads)
    options.steps = options.steps or STEPS[options.budget]
    options.out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, float]] = {}
    for name, form in FORMS[options.budget].items():
        place = options.out / f"{options.budget}-{name.replace(' ', '-').replace(',', '')}-{options.steps}.json"
        if not place.is_file():
            write_whole(place, json.dumps(measured(form, place.with_suffix(".pt"), options)).encode())
        rows[name] = json.loads(place.read_text())
        print(f"{name}: {rows[name]}", flush=True)
    place = options.out / "plain.json"
    if not place.is_file():
        write_whole(place, json.dumps(plain(opened({}, options))).encode())
    print(table(json.loads(place.read_text()) | rows, options))


def opened(form: dict[str, str], options: argparse.Namespace) -> RankingWork:
    """The recipe's series with a form's net."""
    frozen = options.budget == "frozen"
    changes = [f"net.name={form.get('name', 'ranker')}", f"train.batch={SERIES[options.budget]}", "loss={pairs=1}"]
    changes += [] if frozen else ["optim.freeze_encoder=0", "data.variants=0", "augment.zoom=0"]
    changes += [f"net.encoder={form['encoder']}"] if "encoder" in form else []
    recipe = read_recipe(options.recipe, [*options.changes, *changes])
    if not frozen:
        own = recipe.net.model_copy(update={"encoder_weights": None, "encoder_sha256": None})
        recipe = recipe.model_copy(update={"net": own})
    return RankingWork(recipe, recipe.make_card(options.recipe.name))  # type: ignore[arg-type]


def asked(net: nn.Module, work: RankingWork) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The net for raw pictures; those of encoders that are trained have half the side."""
    halves = not work.recipe.data.variants

    def prefer(image: Tensor, cues: Tensor, pairs: Tensor) -> Tensor:
        picture = work.model.normalise(image)
        outputs: dict[str, Tensor] = net(F.avg_pool2d(picture, 2) if halves else picture, cues, pairs)
        return outputs["preference"]

    return prefer


def measured(form: dict[str, str], state: Path, options: argparse.Namespace) -> dict[str, float]:
    """Trains and scores one form."""
    work = opened(form, options)
    net: Any = work.model.net
    if not form:
        torch.manual_seed(0)
        net = Cues(len(work.card.options["cues"]))
        first = work.stream.batch(0, 16)
        net.start(first["image"], first["cues"])
    train(net, work, state, options)
    scores = score_ranking(judged(net.eval(), work))
    sizes = {"parameters": sum(p.numel() for p in net.parameters())}
    return row(scores) | sizes | {"ms": milliseconds(net, work)}


def train(net: nn.Module, work: RankingWork, state: Path, options: argparse.Namespace) -> None:
    """AdamW with one cycle; kept every so many steps."""
    freezing = Freezing(work.model, work.recipe.optim.freeze_encoder)
    learned = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, RATE, weight_decay=0.03)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, options.steps + 1)
    done = 0
    if state.is_file():
        kept = torch.load(state, weights_only=True)
        net.load_state_dict(kept["net"])
        optimizer.load_state_dict(kept["optimizer"])
        cycle.load_state_dict(kept["cycle"])
        done = kept["done"]
    prefer = asked(net, work)
    for batch in batches(work, done, options):
        net.train()
        freezing.set_mode(done)
        optimizer.zero_grad()
        loss = pair_loss(prefer(batch["image"], batch["cues"], batch["pairs"]), batch["chance"])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        cycle.step()
        done += 1
        if done % EVERY == 0:
            print(f"  {state.stem} step {done}/{options.steps} loss {loss.item():.3f}", flush=True)
            content = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "done": done}
            unfinished = state.with_suffix(".unfinished")
            torch.save(content | {"cycle": cycle.state_dict()}, unfinished)
            unfinished.rename(state)


def batches(work: RankingWork, first: int, options: argparse.Namespace) -> Iterator[Comparison]:
    """The same ones for every form."""
    for number in range(first, options.steps):
        yield work.stream.batch(number, SERIES[options.budget])


@torch.inference_mode()
def judged(net: nn.Module, work: RankingWork) -> list[Judged]:
    """All pairs of all test series."""
    prefer, found = asked(net, work), []
    for looked in test_series(work):
        count = looked.truth.photos
        pairs = torch.cartesian_prod(torch.arange(count), torch.arange(count))
        said = prefer(torch.from_numpy(looked.images), torch.from_numpy(looked.cues), pairs)
        truth = looked.truth
        found.append(Judged(truth.name, truth.preferences, truth.best, said.view(count, count).numpy()))
    return found


def test_series(work: RankingWork) -> Iterator[Any]:
    """What nothing was trained on."""
    cache = work._scored["test"]
    for at, collection in enumerate(cache.collections):
        for number in range(len(collection)):
            yield cache.take(at, number)


@torch.inference_mode()
def milliseconds(net: nn.Module, work: RankingWork) -> float:
    """Of one photo, the fastest of some."""
    prefer, pair = asked(net, work), torch.tensor([[0, 0]])
    side, count = work.card.tile, len(work.card.options["cues"])
    times = []
    for _ in range(8):
        photo = torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8)  # another one each time: they are kept
        start = time.perf_counter()
        prefer(photo, torch.zeros(1, count), pair)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def plain(work: RankingWork) -> dict[str, dict[str, float]]:
    """What measures at full resolution say that nothing is learned for."""
    found: dict[str, list[Judged]] = {name: [] for name in BASELINES}
    for collection in work._scored["test"].collections:
        for number in range(len(collection)):
            truth = collection.truth(number)
            values = np.array([[measure(p) for measure in BASELINES.values()] for p in collection.pixels(number)])
            for name, scores in zip(BASELINES, values.T, strict=True):
                found[name].append(Judged(truth.name, truth.preferences, truth.best, by_scores(scores)))
    return {name: {k: v for k, v in row(score_ranking(one)).items() if k != "log_loss"} for name, one in found.items()}


def row(scores: RankingScores) -> dict[str, float]:
    """What the table says of them."""
    names = ("accuracy", "error", "top1", "chance", "log_loss")
    return {name: float(getattr(scores, name)) for name in names} | {"series": scores.series}


def table(rows: dict[str, dict[str, float]], options: argparse.Namespace) -> str:
    """Markdown."""
    budget = f"{options.steps} steps of {SERIES[options.budget]} series"
    head = f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}; {budget}"
    columns = "| ranker | pairs right, % | best of series, % | log-loss | parameters | ms |"
    lines = [head, "", columns, "|---|---|---|---|---|---|"]
    for name, one in rows.items():
        learned = f"{one['log_loss']:.3f} | {one['parameters']:,} | {one['ms']:.0f}" if "ms" in one else "| |"
        right = f"{100 * one['accuracy']:.1f} ± {100 * one['error']:.1f}"
        lines.append(f"| {name} | {right} | {100 * one['top1']:.1f} (chance {100 * one['chance']:.1f}) | {learned} |")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C", help="change the recipe")
    parser.add_argument("--out", type=Path, default=Path("runs/rankers"), help="where runs and their scores are kept")
    parser.add_argument("--budget", choices=list(FORMS), default="frozen", help="which rows")
    parser.add_argument("--steps", type=int, help="instead of the budget's own")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except SmaltiError as error:
        raise SystemExit(f"{error}") from None
