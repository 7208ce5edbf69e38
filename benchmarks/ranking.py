"""The speed of measuring, degrading and training on photos, and a ranker on photos of your own.

    python benchmarks/ranking.py [--recipe recipes/bestshot.toml] [--set data.root=FOLDER] [--quick]
    python benchmarks/ranking.py --model bestshot --focus FOLDER [FOLDER ...] --scenes FOLDER

The first form prints one table: milliseconds on one core for the cues and the overview of a photo of 24 megapixels, for
making and measuring a degraded photo, and for a step of the training. The second form runs a ranker on photos of which
only the names are known: in each FOLDER of `--focus` the order in which the focus moves (score and
sharpness of each photo), in the folder of `--scenes` which photos lie closest together (`ae_0.jpg`, `ae_1.jpg`
are one scene). Run it on an otherwise idle machine.
"""

import argparse
import itertools
import platform
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import psutil

from smalti.data.photos.series import ENDINGS
from smalti.errors import SmaltiError
from smalti.photos.baselines import laplacian_variance
from smalti.photos.cues import CUES, cues
from smalti.photos.overview import overview
from smalti.photos.read import read_photo
from smalti.runtime.ranker import Ranker, open_ranker


def main() -> None:
    options = _options()
    if options.model:
        ranker = open_ranker(options.model, CUES)
        for folder in options.focus:
            focus(ranker, folder)
        if options.scenes:
            scenes(ranker, options.scenes)
        return
    cv2.setNumThreads(1)
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n\n| what | ms |\n|---|---|")
    photo = np.random.default_rng(0).integers(0, 255, (400, 600, 3), np.uint8)
    large = cv2.resize(photo, (6000, 4000), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    rounds = 2 if options.quick else 10
    print(f"| cues of 24 MPix | {fastest(lambda: cues(large), rounds):.0f} |")
    print(f"| overview of 24 MPix | {fastest(lambda: overview(large), rounds):.0f} |")
    if options.recipe:
        training(options.recipe, options.changes, 1 if options.quick else 8)


def fastest(call: Callable[[], object], rounds: int) -> float:
    """Milliseconds of the fastest of some calls."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def training(path: Path, changes: list[str], batches: int) -> None:
    """Rows of a recipe: making photos, reading them from memory, a step."""
    from smalti.training.kinds.ranking.work import RankingWork
    from smalti.training.loop import begin
    from smalti.training.recipe import read_recipe

    recipe = read_recipe(path, changes)
    with tempfile.TemporaryDirectory() as folder:
        run = begin(recipe, recipe.make_card(path.name), Path(folder))
    assert isinstance(run.work, RankingWork)
    stream, size = run.work.stream, recipe.train.batch
    for what in ("make and look at a photo", "take a photo from memory"):
        start, photos = time.perf_counter(), 0
        for number in range(1000, 1000 + batches):
            photos += len(stream.batch(number, size)["image"])
        print(f"| {what} | {1000 * (time.perf_counter() - start) / photos:.1f} |")
    ready = itertools.repeat(stream.batch(1000, size))
    run.step(ready)  # warm
    photos = len(next(ready)["image"])
    print(f"| a step of {photos} photos | {fastest(lambda: run.step(ready), batches + 1):.0f} |")
    with closing(run.work.batches(2000)) as made:
        for _ in range(4):  # batches prepared before
            next(made)
        start = time.perf_counter()
        for _ in range(batches):
            next(made)
        print(f"| a batch of new photos, {recipe.train.workers} workers | "
              f"{1000 * (time.perf_counter() - start) / batches:.0f} |")  # fmt: skip


def look(ranker: Ranker, folder: Path) -> tuple[list[str], np.ndarray, np.ndarray, list[float]]:
    """Names, scores, embeddings and sharpness of all photos of a folder."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    photos = [read_photo(path) for path in files]
    scores, embeddings = ranker(np.stack([overview(p) for p in photos]), np.stack([cues(p) for p in photos]))
    return [path.stem for path in files], scores, embeddings, [laplacian_variance(p) for p in photos]


def focus(ranker: Ranker, folder: Path) -> None:
    """A table of one focus series, and how alike both orders are (Spearman's rank correlation)."""
    names, scores, _, sharpness = look(ranker, folder)
    print(f"\n{folder.name}\n\n| photo | score | variance of the Laplacian |\n|---|---|---|")
    for name, score, sharp in zip(names, scores, sharpness, strict=True):
        print(f"| {name} | {score:.2f} | {sharp:.0f} |")
    ranks = [np.argsort(np.argsort(values)) for values in (scores, sharpness)]
    print(f"\nthe orders correlate by {np.corrcoef(ranks[0], ranks[1])[0, 1]:.2f}")


def scenes(ranker: Ranker, folder: Path) -> None:
    """How far photos of one scene (the same name before the last `_`) lie from those of others, as cosines."""
    names, _, embeddings, _ = look(ranker, folder)
    alike, other = [], []
    for (one, a), (two, b) in itertools.combinations(zip(names, embeddings, strict=True), 2):
        (alike if one.rpartition("_")[0] == two.rpartition("_")[0] else other).append((float(a @ b), one, two))
    print(f"\n{folder.name}: {len(alike)} pairs of one scene, {len(other)} of different ones")
    print(f"least alike of one scene    {min(alike)}\nmost alike of different ones {max(other)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", type=Path, help="a recipe of kind ranking whose steps are measured, too")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C", help="change the recipe")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--model", help="a ranker by name or file")
    parser.add_argument("--focus", type=Path, nargs="+", default=[], metavar="FOLDER")
    parser.add_argument("--scenes", type=Path, metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except SmaltiError as error:
        raise SystemExit(f"{error}") from None
