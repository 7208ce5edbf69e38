"""Leave one place out: how good a recipe is on each of its places when it has not learned there.

    python benchmarks/leave_place_out.py RECIPE [--places NAME ...] [--seeds 0,1,2] [--set A.B=C] [--out FOLDER]

For each place of the training sources (by `place` of the source, else folder and name), and each seed, trains the
recipe with `data.unseen = [PLACE]` and scores the best checkpoint on that place. Prints rightness and mIoU by place,
mean and spread over seeds, and their means over places. A killed run resumes, and finished ones are not repeated.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from smalti.data.pixels.sources import open_source
from smalti.text import aligned, percent
from smalti.training.recipe import read_pixels


@dataclass(frozen=True)
class Job:
    """One training and its score."""

    recipe: Path
    place: str
    seed: int
    changes: tuple[str, ...]
    out: Path

    @property
    def settings(self) -> list[str]:
        """The settings that differ from the recipe, as arguments."""
        own = (f"data.unseen={json.dumps([self.place])}", f"train.seed={self.seed}")
        return [part for change in (*self.changes, *own) for part in ("--set", change)]

    def scores(self) -> dict[str, float]:
        """Rightness and mIoU on the place; trains and scores where that is not done."""
        folder = self.out / f"{self.place.replace('/', '_')}_{self.seed}"
        stored = folder / "unseen.json"
        if not stored.exists():
            _run("train", str(self.recipe), *self.settings, "--out", str(folder))
            _run("evaluate", str(folder / "best"), str(self.recipe), *self.settings, "--by", "place",
                 "--json", str(stored))  # fmt: skip
        mean: dict[str, float] = json.loads(stored.read_text())["mean_over_places"]
        return mean


def main() -> None:
    """Trains and scores all, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--places", nargs="+", metavar="NAME", help="these places alone")
    parser.add_argument("--seeds", default="0", help="numbers with commas")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--out", type=Path, default=Path("runs/leave_place_out"))
    options = parser.parse_args()
    places = options.places or places_of(options.recipe, options.changes)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    found = {
        place: [Job(options.recipe, place, seed, tuple(options.changes), options.out).scores() for seed in seeds]
        for place in places
    }
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


def table(found: dict[str, list[dict[str, float]]]) -> list[str]:
    """Rows of places: mean over seeds, and the spread where there are several."""

    def cell(runs: list[dict[str, float]], name: str) -> str:
        values = [run[name] for run in runs if run[name] is not None]
        spread = f" ± {percent(stdev(values))}" if len(values) > 1 else ""
        return f"{percent(fmean(values))}{spread}" if values else "-"

    names = ("rightness", "mIoU")
    rows = [[place, *(cell(runs, name) for name in names)] for place, runs in found.items()]
    every = [run for runs in found.values() for run in runs]
    mean = [percent(fmean(run[name] for run in every if run[name] is not None)) for name in names]
    return aligned([["left out", *names], *rows, ["mean over places", *mean]])


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "smalti", *arguments], check=True)


if __name__ == "__main__":
    main()
