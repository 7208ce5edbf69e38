"""Whether borders of scenes are visible in a mosaic whose scenes differ in colour, and what that costs.

    python benchmarks/mosaic_seams.py IMAGE ... [--model landcover] [--side 640] [--overlap 160]

Each image is cut into overlapping scenes, each with a gain, an offset and a gamma of its own, as scenes of other days
have. Three layouts of scenes are mapped, shifted by a third of their step, so that a pair of neighbouring pixels lies
across a border of scenes in one map and inside scenes in the others: `ratio` is changes of class across borders
divided by changes of the same pairs inside, with a target of at most 1.02, as in seams.py. Borders are the lines where
a scene's weight begins or ends. `one image` puts the scenes together first and predicts the result; `mixed` predicts
each scene and mixes the predictions, as `smalti mosaic` does. `agrees` is the share of pixels with the class that the
image itself gets, whose colours nobody has changed, near borders (within FADE pixels) and elsewhere.
"""

import argparse
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.mosaics.fade import FADE
from smalti.mosaics.grid import Bounds, MosaicGrid
from smalti.mosaics.ground import Ground
from smalti.predicting import predict_reader
from smalti.products import best_class
from smalti.raster.array import ArrayReader
from smalti.raster.grid import Grid
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.runtime.open import open_model
from smalti.scene import Predictor
from smalti.tiling import Window

SHIFTS = 3
KINDS = ("one image", "mixed")
HEADS = ("image", "kind", "pairs", "changes across", "changes inside", "ratio", "agrees near", "elsewhere", "seconds")
PLACE = CRS.from_epsg(32640)


@dataclass(frozen=True)
class Cut:
    """A part of an image in colours of its own, as a scene."""

    pixels: NDArray[np.uint8]
    window: Window

    @property
    def bounds(self) -> Bounds:
        """In pixels, which are the unit here."""
        w = self.window
        return w.col, -w.bottom, w.right, -w.row

    def open(self, mosaic: MosaicGrid) -> Reader:
        """The part as a raster."""
        w = self.window
        place = Grid(w.height, w.width, Affine(1, 0, w.col, 0, -1, -w.row), PLACE)
        return ArrayReader(self.pixels, grid=place)


class OneImage(Ground):
    """The scenes put together before the network sees them."""

    def layers(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """One layer."""
        return self._read(window.shift(-self.window.row, -self.window.col))


def main() -> None:
    options = _options()
    predict = open_model(options.model, "auto", options.threads)
    print(f"{options.model}: {platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS), flush=True)
    totals = {kind: np.zeros(8) for kind in KINDS}
    for k, name in enumerate(options.images):
        with open_raster(name) as reader:
            image = reader.read(Window(0, 0, reader.grid.height, reader.grid.width))[0]
        plain = _classes(Ground, [Cut(image, Window(0, 0, *image.shape[1:]))], image.shape[1:], predict)
        for kind in KINDS:
            counts = _measured(kind, image, plain, predict, options, seed=k)
            totals[kind] += counts
            print(_line(Path(name).name, kind, counts), flush=True)
    for kind, counts in totals.items():
        print(_line("all", kind, counts))


def _measured(
    kind: str, image: NDArray[np.uint8], plain: NDArray[np.uint8], predict: Predictor, options: Any, *, seed: int
) -> NDArray[np.float64]:
    """Pairs, changes across and inside; pixels near borders and of them those that agree; the others; seconds."""
    step = options.side - options.overlap
    began, size = time.perf_counter(), image.shape[1:]
    shifts = [step // SHIFTS * k for k in range(SHIFTS)]
    maps, lines = [], []
    for k, shift in enumerate(shifts):
        cuts = list(_cuts(image, options.side, step, shift - step, np.random.default_rng([seed, k])))
        maps.append(_classes(Ground if kind == "mixed" else OneImage, cuts, size, predict))
        ends = np.array([(cut.window.bottom, cut.window.right) for cut in cuts])
        lines.append([set(ends[:, axis].tolist()) - {size[axis]} for axis in (0, 1)])
    counts = np.zeros(8)
    counts[7] = time.perf_counter() - began
    for k, ids in enumerate(maps):
        near = np.zeros(size, bool)
        for axis in (0, 1):
            for end in lines[k][axis]:
                np.moveaxis(near, axis, 0)[max(0, end - FADE) : end + FADE // 2] = True
                for line in {end, *([end - FADE] if kind == "mixed" else [])}:
                    counts[:3] += _on_line(line, [_changed(each, axis) for each in maps], k)
        agrees = ids == plain
        counts[3:7] += near.sum(), agrees[near].sum(), (~near).sum(), agrees[~near].sum()
    return counts


def _changed(ids: NDArray[np.uint8], axis: int) -> NDArray[np.bool_]:
    return np.moveaxis(np.diff(ids.astype(np.int16), axis=axis) != 0, axis, 0)


def _on_line(line: int, changed: list[NDArray[np.bool_]], k: int) -> NDArray[np.float64]:
    rows = [each[line - 1] for each in changed]
    return np.array([rows[k].size, rows[k].sum(), np.mean([rows[j].sum() for j in range(SHIFTS) if j != k])])


def _cuts(image: NDArray[np.uint8], side: int, step: int, first: int, rng: np.random.Generator) -> Iterator[Cut]:
    """Scenes of one layout, each in colours of its own; the first ones lie on top, so that their far ends are seen."""
    whole = Window(0, 0, *image.shape[1:])
    for row, col in product(range(first, whole.height, step), range(first, whole.width, step)):
        if window := Window(row, col, side, side).intersect(whole):
            yield Cut(_recoloured(image[:, *window.slices()], rng), window)


def _recoloured(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    gain, offset = rng.uniform(0.85, 1.15, (3, 1, 1)), rng.uniform(-12, 12, (3, 1, 1))
    curved = 255 * (pixels / 255) ** rng.uniform(0.8, 1.25)
    return np.clip(np.rint(curved * gain + offset), 0, 255).astype(np.uint8)


def _classes(kind: type[Ground], cuts: Sequence[Cut], size: tuple[int, ...], predict: Predictor) -> NDArray[np.uint8]:
    """The class map (H, W)."""
    ids = np.empty(size, np.uint8)
    task = predict.card.tasks[0].name
    mean = (np.array(predict.card.mean) / predict.card.scale).astype(np.float32)

    def write(window: Window, values: Mapping[str, NDArray[np.float32]], valid: NDArray[np.bool_]) -> None:
        ids[window.slices()] = best_class(np.ascontiguousarray(values[task]))

    with kind("mosaic", MosaicGrid(PLACE, 1.0, 4096), Window(0, 0, *size), cuts, mean) as ground:
        predict_reader(ground, predict, write)
    return ids


def _line(name: str, kind: str, counts: NDArray[np.float64]) -> str:
    pairs, across, inside, near, near_right, others, others_right, seconds = counts
    cells = (f"{pairs:,.0f}", f"{across:,.0f}", f"{inside:,.0f}", f"{across / inside:.3f}")
    shares = f"{near_right / near:.4f} | {others_right / others:.4f}"
    return f"| {name} | {kind} | {' | '.join(cells)} | {shares} | {seconds:.0f} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--model", default="landcover")
    parser.add_argument("--side", type=int, default=640, help="of a scene, in pixels")
    parser.add_argument("--overlap", type=int, default=160, help="of neighbouring scenes, in pixels")
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
