"""How well a model tells where it is wrong: tiles with less than 60 % right pixels, by the `unlike` of its card.

    python benchmarks/unlike.py SETS MODEL [--recipe RECIPE.toml [--set A.B=C]] [--json FILE] [--markdown FILE]

SETS is the folder of the sets of `unseen_places.py`, on which the AUROC is measured: the probability that a wrong tile
gets a higher value than another one. With a recipe also the share of false alarms on its validation and test images,
which are like its training: tiles above the card's threshold, of those with at least 60 % right pixels. A tile is what
the network sees at once, as in maps; tiles with less than 2 % labelled pixels are left out. For comparison the AUROC
of the mean probability of the most probable class.
"""

import argparse
import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from unseen_places import SETS

import smalti as sm
from smalti.card import UNLIKE, Task
from smalti.data.pixels.scenes import Scene
from smalti.data.pixels.sources import FolderSource, open_source
from smalti.label_sets import allowed_table, with_sets
from smalti.tiling import plan_tiles
from smalti.training.recipe import read_pixels

RIGHT = 0.6
"""Share of right pixels below which a tile is wrong."""
ENOUGH = 0.02
"""Share of labelled pixels of a tile that is counted."""


@dataclass(frozen=True)
class Judged:
    """A tile of an image."""

    wrong: bool
    unlike: float
    sure: float
    """Mean probability of the most probable class."""


Tiles = dict[str, list[Judged]]
"""By place."""
Row = dict[str, float]


def main() -> None:
    """Measures both, and prints a table each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("model")
    parser.add_argument("--recipe", type=Path, metavar="RECIPE.toml")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--only", nargs="+", choices=[each.name for each in SETS], metavar="SET")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args()
    model = sm.open_model(options.model)
    if model.card.unlike is None:
        parser.error(f"{options.model} does not tell what is unlike its training; export it with --unlike")
    found = {"places that nobody trained on": _unseen(model, options.sets, options.only)}
    if options.recipe:
        found["validation and test images"] = _like(model, options.recipe, options.changes)
    tables = {title: _rows(tiles, model.card.unlike.threshold) for title, tiles in found.items()}
    text = "\n\n".join("\n".join([f"## {title.capitalize()}", "", *_table(rows)]) for title, rows in tables.items())
    print(text)
    if options.markdown:
        options.markdown.write_text(f"# What {model.card.name} says is unlike its training\n\n{text}\n")
    if options.json:
        options.json.write_text(json.dumps({"threshold": model.card.unlike.threshold, **tables}, indent=2))


def _unseen(model: sm.OpenModel, root: Path, only: Sequence[str] | None) -> Tiles:
    found = {}
    for each in SETS:
        if not only or each.name in only:
            ids = tomllib.loads(f"ids = {{ {each.ids} }}")["ids"]
            source = FolderSource(path=(each.folder,), labels={"ids": ids})
            [task] = [with_sets(task, source.sets([task], "")[task.name]) for task in [model.card.class_task()]]
            found[each.name] = list(_judged(model, open_source(source, root, model.card, [task]), task))
    return found


def _like(model: sm.OpenModel, path: Path, changes: Sequence[str]) -> Tiles:
    recipe, found = read_pixels(path, changes), {}
    [task] = [task for task in recipe.labelled(model.card) if task.name == model.card.class_task().name]
    for source in (*recipe.data.validation, *recipe.data.test):
        for scene in open_source(source, recipe.root, model.card, recipe.labelled(model.card)):
            place = source.place_of(recipe.root, scene.path) if scene.path else "drawn scenes"
            found.setdefault(place, []).extend(_judged(model, [scene], task))
    return found


def _judged(model: sm.OpenModel, scenes: Iterable[Scene], task: Task) -> Iterator[Judged]:
    card, allowed = model.card, allowed_table(task)
    for scene in scenes:
        for tile in plan_tiles(scene.grid.height, scene.grid.width, card.tile, card.overlap, card.stride):
            patch = scene.read(tile.read)
            truth = patch.targets[task.name]
            known = patch.valid & allowed.any(axis=1)[truth]
            if known.mean() >= ENOUGH:
                answer = model(patch.image.transpose(2, 0, 1)[None])
                best = answer[task.name][0].argmax(0)
                right = float(allowed[truth, best][known].mean())
                yield Judged(right < RIGHT, float(answer[UNLIKE][0, 0]), float(answer[task.name][0].max(0).mean()))


def _rows(tiles: Tiles, threshold: float) -> dict[str, Row]:
    every = [each for own in tiles.values() for each in own]
    return {place: _row(own, threshold) for place, own in (*tiles.items(), ("all", every))}


def _row(tiles: Sequence[Judged], threshold: float) -> Row:
    wrong = np.array([each.wrong for each in tiles], bool)
    unlike, sure = np.array([each.unlike for each in tiles]), np.array([each.sure for each in tiles])
    above = unlike > threshold
    return {
        "tiles": len(tiles),
        "wrong": _share(wrong),
        "auroc": auroc(unlike, wrong),
        "auroc of confidence": auroc(-sure, wrong),
        "found": _share(above[wrong]),
        "false alarms": _share(above[~wrong]),
    }


def auroc(values: np.ndarray, wrong: np.ndarray) -> float:
    """The probability that a wrong one has the higher value, ties counting half; NaN where all are alike."""
    above = values[wrong][:, None] - values[~wrong]
    return float(((above > 0) + (above == 0) / 2).mean()) if above.size else math.nan


def _share(chosen: np.ndarray) -> float:
    return float(chosen.mean()) if chosen.size else math.nan


def _table(rows: Mapping[str, Row]) -> list[str]:
    heads = ["place", *next(iter(rows.values()))]
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    for place, row in rows.items():
        cells = [f"{row['tiles']:,}", *("-" if math.isnan(row[key]) else f"{row[key]:.2f}" for key in heads[2:])]
        lines.append(f"| {place} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
