"""Leave one place out: how good a recipe is on each of its places when it has not learned there.

    python benchmarks/leave_place_out.py RECIPE [--places A,B ...] [--seeds 0,1,2] [--set A.B=C] [--adapt 1]
        [--out FOLDER]

For each place of the training sources (by `place` of the source, else folder and name), and each seed, trains the
recipe with `data.unseen = [PLACE]` and scores the best checkpoint on that place. Prints rightness and mIoU by place,
mean and spread over seeds, and their means over places. A killed run resumes, and finished ones are not repeated.
Places that are joined by commas are left out of the same training, which takes less time and leaves less to learn.
With `--adapt` the statistics of the batch norms first go that share of the way to those of the place's images, without
their labels (1: AdaBN); the trainings are the same.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch

from smalti.data.pixels.sources import open_source
from smalti.evaluation import Pair
from smalti.text import aligned, percent
from smalti.tiling import Window
from smalti.training.adapt import reestimate
from smalti.training.checkpoint import save_checkpoint
from smalti.training.kinds.pixels.prepare import part_pairs
from smalti.training.predict import load_model
from smalti.training.recipe import read_pixels

Scores = dict[str, float | None]
NAMES = ("rightness", "mIoU")
WINDOWS, BATCH = 64, 8
"""Windows of a place to re-estimate statistics from, and how many of them at once."""


@dataclass(frozen=True)
class Job:
    """One training that leaves places out, and its scores on each of them."""

    recipe: Path
    places: tuple[str, ...]
    seed: int
    changes: tuple[str, ...]
    out: Path
    adapt: float = 0.0
    """Share of the way to the batch norms' statistics of each place."""

    @property
    def folder(self) -> Path:
        """That of the training."""
        return self.out / f"{_file_name('+'.join(self.places))}_{self.seed}"

    def settings(self, places: Sequence[str]) -> list[str]:
        """The settings that differ from the recipe, where these places are unseen."""
        return [*self.changes, f"data.unseen={json.dumps(list(places))}", f"train.seed={self.seed}"]

    def scores(self) -> dict[str, Scores]:
        """Rightness and mIoU by place; trains and scores where that is not done."""
        missing = [place for place in self.places if not self._stored(place).exists()]
        if missing and not (self.folder / "scores.json").exists():
            _run("train", str(self.recipe), *_sets(self.settings(self.places)), "--out", str(self.folder))
        for place in missing:
            self._score(place)
        return {place: json.loads(self._stored(place).read_text())["mean_over_places"] for place in self.places}

    def _stored(self, place: str) -> Path:
        kind = f"_adapted_{self.adapt:g}" if self.adapt else ""
        return self.folder / f"unseen_{_file_name(place)}{kind}.json"

    def _score(self, place: str) -> None:
        checkpoint = self.folder / "best"
        if self.adapt:
            checkpoint = self.folder / f"adapted_{self.adapt:g}_{_file_name(place)}"
            self._adapt(place, checkpoint)
        _run("evaluate", str(checkpoint), str(self.recipe), *_sets(self.settings([place])), "--by", "place",
             "--json", str(self._stored(place)))  # fmt: skip

    def _adapt(self, place: str, out: Path) -> None:
        """Writes the best checkpoint with statistics of a place."""
        recipe, model = read_pixels(self.recipe, self.settings([place])), load_model(self.folder / "best")
        pairs, _ = part_pairs(recipe, model.card, "test")
        reestimate(model, batches(pairs, model.card.tile, self.seed), self.adapt)
        save_checkpoint(out, model.card, model.state_dict())


def batches(pairs: Sequence[Pair], side: int, seed: int) -> Iterator[torch.Tensor]:
    """Batches (N, C, H, W) of random windows of some images; each is of several images where there are several."""
    rng = np.random.default_rng(seed)
    for _ in range(WINDOWS // BATCH):
        chosen = rng.permutation(len(pairs))[:BATCH]
        windows = [_window(pairs[chosen[k % len(chosen)]], side, rng) for k in range(BATCH)]
        yield torch.from_numpy(np.stack(windows).astype(np.float32))


def _window(pair: Pair, side: int, rng: np.random.Generator) -> np.ndarray:
    """The pixels (C, H, W) of a random window; mirrored where the image is smaller."""
    reader = pair.open_image()
    row, col = (int(rng.integers(max(1, size - side + 1))) for size in (reader.grid.height, reader.grid.width))
    pixels, _ = reader.read(Window(row, col, side, side))
    reader.close()
    return np.asarray(pixels)


def main() -> None:
    """Trains and scores all, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument(
        "--places", nargs="+", metavar="A,B", type=lambda text: tuple(text.split(",")), help="these places alone"
    )
    parser.add_argument("--seeds", default="0", help="numbers with commas")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument(
        "--adapt", type=float, default=0.0, metavar="SHARE", help="of the way to the place's statistics"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/leave_place_out"))
    options = parser.parse_args()
    groups = options.places or [(place,) for place in places_of(options.recipe, options.changes)]
    seeds = [int(seed) for seed in options.seeds.split(",")]
    job = partial(Job, options.recipe, changes=tuple(options.changes), out=options.out, adapt=options.adapt)
    found: dict[str, list[Scores]] = {}
    for group in groups:
        runs = [job(places=group, seed=seed).scores() for seed in seeds]
        found |= {place: [run[place] for run in runs] for place in group}
    print("\n".join(table(found)))


def places_of(recipe: Path, changes: list[str]) -> list[str]:
    """The places of the sources that a recipe trains on, but for drawn scenes."""
    settings = read_pixels(recipe, changes)
    card = settings.make_card(recipe.name)
    return sorted(
        {
            source.place_of(settings.root, scene.path)
            for source in settings.data.train
            if source.kind != "drawn"
            for scene in open_source(source, settings.root, card, settings.labelled(card))
            if scene.path
        }
    )


def table(found: dict[str, list[Scores]]) -> list[str]:
    """Rows of places: mean over seeds, and the spread where there are several."""
    rows = [[place, *(cell(run[name] for run in runs) for name in NAMES)] for place, runs in found.items()]
    every = [run for runs in found.values() for run in runs]
    mean = [cell([fmean(values)]) if (values := known(run[name] for run in every)) else "-" for name in NAMES]
    return aligned([["left out", *NAMES], *rows, ["mean over places", *mean]])


def cell(values: Iterable[float | None]) -> str:
    """The mean of some values, with their standard deviation where there are several."""
    given = known(values)
    spread = f" ± {percent(stdev(given))}" if len(given) > 1 else ""
    return f"{percent(fmean(given))}{spread}" if given else "-"


def known(values: Iterable[float | None]) -> list[float]:
    """The values that are not None: a score may be without any pixel."""
    return [value for value in values if value is not None]


def _file_name(place: str) -> str:
    return place.replace("/", "_").replace(" ", "_")


def _sets(changes: Sequence[str]) -> list[str]:
    return [part for change in changes for part in ("--set", change)]


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "smalti", *arguments], check=True)


if __name__ == "__main__":
    main()
