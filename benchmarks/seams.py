"""Whether tile borders are visible: how often the class changes across them, relative to inside tiles.

    python benchmarks/seams.py [SCENE ...] [--model landcover] [--engine auto] [--size 2000] [--quick]

Each scene is mapped three times, the tiles shifted by a third of their step. A pair of neighbouring pixels lies across
a tile border in one of the three maps and inside tiles in the others, so that the scene's own borders cancel out:
`ratio` is changes across borders divided by changes of the same pairs inside, with a target of at most 1.02. Borders
are both lines where a tile's weight begins or ends. `unblended` puts the same tiles side by side. Without SCENE, towns
are drawn.
"""

import argparse
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from smalti.card import Card
from smalti.products import best_class
from smalti.raster.read import open_raster
from smalti.runtime.open import open_model
from smalti.scene import Predictor, predict_scene
from smalti.synth.scene import draw
from smalti.tiling import Window, spans

HEADS = ("scene", "pairs", "changes across", "changes inside", "ratio", "ratio unblended")
SHIFTS = 3
Read = Callable[[Window], tuple[NDArray[Any], NDArray[np.bool_]]]


@dataclass
class Unblended:
    """The same net, its tiles cut hard in the middle of what they share."""

    predict: Predictor
    card: Card

    def __call__(self, batch: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """The net's prediction."""
        return self.predict(batch)


def main() -> None:
    options = _options()
    predict = open_model(options.model, options.engine, options.threads)
    print(f"{options.model}, {options.engine}: {platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS), flush=True)
    totals = np.zeros((2, 3))
    for name, read, height, width in _scenes(options, predict.card):
        blended = changes(read, predict, height, width)
        hard = changes(read, Unblended(predict, predict.card.model_copy(update={"overlap": 0})), height, width)
        totals += blended, hard
        print(_line(name, blended, hard), flush=True)
    print(_line("all", *totals))


def changes(read: Read, predict: Predictor, height: int, width: int) -> NDArray[np.float64]:
    """Pairs across borders, how many of them change class, and how many of the same pairs do where they lie inside."""
    card = predict.card
    step = (card.tile - card.overlap) // SHIFTS
    shifts = [step * k for k in range(SHIFTS)]
    maps = [_classes(read, predict, shift, height - step * SHIFTS, width - step * SHIFTS) for shift in shifts]
    counts = np.zeros(3)
    for axis in (0, 1):
        lines = [_lines(ids.shape[axis], card, shift) for ids, shift in zip(maps, shifts, strict=True)]
        changed = [np.moveaxis(np.diff(ids.astype(np.int16), axis=axis) != 0, axis, 0) for ids in maps]
        for k in range(SHIFTS):
            others = [j for j in range(SHIFTS) if j != k]
            for line in lines[k]:  # in pixels of the scene
                inside = [j for j in others if line not in lines[j] and 0 < line - shifts[j] < len(changed[j]) + 1]
                if inside:
                    counts += _on_line(line, changed, shifts, k, inside)
    return counts


def _on_line(
    line: int, changed: list[NDArray[np.bool_]], shifts: list[int], k: int, inside: list[int]
) -> NDArray[np.float64]:
    """The counts of one line, on the pixels that all maps have in common along it."""
    first, last = max(shifts), min(shift + part.shape[1] for shift, part in zip(shifts, changed, strict=True))

    def row(j: int) -> NDArray[np.bool_]:
        return changed[j][line - shifts[j] - 1, first - shifts[j] : last - shifts[j]]

    return np.array([last - first, row(k).sum(), np.mean([row(j).sum() for j in inside])])


def _lines(length: int, card: Card, shift: int) -> list[int]:
    """First pixels after a tile border, in pixels of the scene."""
    parts = spans(length, card.tile, card.overlap)
    inner = {part.begin for part in parts[1:]} | {part.end for part in parts[:-1]}
    return [shift + line for line in sorted(inner) if 0 < line < length]


def _classes(read: Read, predict: Predictor, shift: int, height: int, width: int) -> NDArray[np.uint8]:
    """The class map (H, W) of the scene without its first rows and columns."""
    ids = np.empty((height, width), np.uint8)
    task = predict.card.tasks[0].name

    def write(window: Window, values: Mapping[str, NDArray[np.float32]], valid: NDArray[np.bool_]) -> None:
        ids[window.slices()] = best_class(values[task])

    predict_scene(lambda window: read(window.shift(shift, shift)), predict, write, height, width)
    return ids


def _scenes(options: argparse.Namespace, card: Card) -> Any:
    for scene in options.scene:
        bands = card.bands if len(card.bands) > 1 else None
        with open_raster(scene, bands) as reader:
            yield Path(scene).name, reader.read, reader.grid.height, reader.grid.width
    for seed in [] if options.scene else options.seeds:

        def read(window: Window, seed: int = seed) -> tuple[NDArray[Any], NDArray[np.bool_]]:
            return draw(window, seed).image, np.ones((window.height, window.width), bool)

        yield f"drawn, seed {seed}", read, options.size, options.size


def _line(name: str, blended: NDArray[np.float64], hard: NDArray[np.float64]) -> str:
    pairs, across, inside = blended
    ratios = [f"{part[1] / part[2]:.3f}" if part[2] else "-" for part in (blended, hard)]
    cells = (name, f"{pairs:.0f}", f"{across / pairs:.4f}", f"{inside / pairs:.4f}", *ratios)
    return "| " + " | ".join(cells) + " |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", nargs="*", help="real scenes")
    parser.add_argument("--model", default="landcover")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--size", type=int, default=2000, help="of drawn scenes, in pixels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[901, 902, 903])
    parser.add_argument("--quick", action="store_true", help="one small drawn scene")
    options = parser.parse_args()
    if options.quick:
        options.size, options.seeds = 1100, [901]
    return options


if __name__ == "__main__":
    main()
