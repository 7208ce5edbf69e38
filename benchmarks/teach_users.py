"""Simulated users teach a model their place: IoU by the number of strokes per class.

    python benchmarks/teach_users.py DATA [--model landcover] [--seeds 3] [--only PLACE ...] [--wrong 0.05]
                                     [--forest] [--json FILE]

DATA is the folder with banepa, kampala, dubai and places. A user paints on one part of a place, at the largest region
of each class that the map has wrong, in lines of up to nine cells of four pixels; of the strokes a share of --wrong has
a wrong class. The map is made again after each lesson, so the next strokes are where the taught map is wrong. Scored is
another part of the place, which nobody painted on: IoU of the class that the place's labels are of, or the mean where
they are of all. `nothing` is the same head learned without its parent, and `--forest` a random forest on colours and
textures (needs scikit-learn); both learn from the strokes of the first user. `own forest` is that of a user who
paints where the forest's own map is wrong: first at the largest regions of each class. The ceiling is a head from 5,000
labelled pixels.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from teach_places import CHOSEN_BY, HELD_OUT, NEW, PLACES, Pair, Place, tiles

from smalti.lessons.balance import balance
from smalti.lessons.classes import ClassPlan, plan_classes
from smalti.lessons.examples import Samples
from smalti.lessons.head import BIAS, Basis, Points, find_basis, fit
from smalti.lessons.lesson import Lesson, Strokes, learn, stroke_weights
from smalti.lessons.network import TeachableNetwork
from smalti.runtime.models import find_model, verify
from smalti.text import aligned

STEPS = (1, 3, 10, 30, 100)
"""Strokes per class after which the test part is scored."""
LENGTH = 4
Ids = NDArray[np.intp]
Line = tuple[Ids, int]
"""Cells, and the class that the user says they are."""


@dataclass(frozen=True, eq=False)
class Part:
    """All cells of a part of a place."""

    samples: Samples
    """Features in float16, to save memory."""
    truth: Ids
    sizes: list[tuple[int, int]]
    """Rows and columns of each tile."""
    textures: NDArray[np.float32]
    """N,T; for the forest."""

    def maps(self, values: NDArray[np.generic]) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Values of cells as a map per tile, with the number of its first cell."""
        first = 0
        for rows, cols in self.sizes:
            yield first, values[first : first + rows * cols].reshape(rows, cols)
            first += rows * cols


def read_part(pairs: list[Pair], network: TeachableNetwork, forest: bool) -> Part:
    """The cells of a part."""
    parts, truth, sizes, textures = [], [], [], []
    for image, ids in tiles(pairs):
        maps = network(image.transpose(2, 0, 1))
        cells = np.argwhere(np.ones(maps.logits.shape[1:], bool)).astype(np.int32)
        parts.append(Samples(cells, maps.features(cells).astype(np.float16), maps.logits_at(cells)))
        truth.append(ids[network.step // 2 :: network.step, network.step // 2 :: network.step].ravel())
        sizes.append(maps.logits.shape[1:])
        if forest:
            textures.append(_textures(image, network.step))
    whole = Samples(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("cells", "features", "logits"))
    )
    return Part(
        whole, np.concatenate(truth).astype(int), sizes, np.concatenate(textures) if forest else np.zeros((0, 0))
    )


def _textures(image: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
    """Colours, edges and blobs at four scales, as pixel classifiers use them: N,T."""
    found = []
    for band in image.astype(np.float32).transpose(2, 0, 1):
        for sigma in (1, 2, 4, 8):
            smooth = ndimage.gaussian_filter(band, sigma)
            found += [smooth, ndimage.gaussian_gradient_magnitude(band, sigma), ndimage.gaussian_laplace(band, sigma)]
    return np.stack([each[step // 2 :: step, step // 2 :: step].ravel() for each in found], axis=1).astype(np.float32)


def paint(
    part: Part, found: Ids, classes: int, each: int, random: np.random.Generator, taken: NDArray[np.bool_], wrong: float
) -> list[Line]:
    """Strokes of each class at the largest regions that are wrong, elsewhere once none is left."""
    lines: list[Line] = []
    for label in range(classes):
        regions = [region for first, tile in part.maps((part.truth == label) & (found != label) & ~taken)
                   for region in _regions(first, tile, each)]  # fmt: skip
        regions.sort(key=lambda region: -region[0])
        lines += [(_line(first, mask, random), label) for size, first, mask in regions[:each] if size > 2]
        free = np.flatnonzero((part.truth == label) & ~taken)
        lines += [(free[[at]], label) for at in random.permutation(len(free))[: each - min(each, len(regions))]]
    for cells, _ in lines:
        taken[cells] = True
    others = [int(random.integers(classes - 1)) for _ in lines]
    return [(cells, other + (other >= label) if random.random() < wrong else label)
            for (cells, label), other in zip(lines, others, strict=True)]  # fmt: skip


def _regions(first: int, wrong: NDArray[np.generic], most: int) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
    labels, count = ndimage.label(wrong)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    for at in np.argsort(-sizes)[:most]:
        yield int(sizes[at]), first, labels == at + 1


def _line(first: int, mask: NDArray[np.bool_], random: np.random.Generator) -> Ids:
    """The longest of four lines through the middle of a region."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, col = np.unravel_index(int((depth + 0.1 * random.random(depth.shape)).argmax()), mask.shape)
    best: list[tuple[int, int]] = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        cells = [(int(row), int(col))]
        for way in (1, -1):
            for far in range(1, LENGTH + 1):
                at = int(row) + way * far * down, int(col) + way * far * right
                if not (0 <= at[0] < mask.shape[0] and 0 <= at[1] < mask.shape[1] and mask[at]):
                    break
                cells.append(at)
        best = max(best, cells, key=len)
    return np.array([first + r * mask.shape[1] + c for r, c in best])


def strokes_of(part: Part, lines: Sequence[Line]) -> Strokes:
    """What a lesson takes."""
    cells = np.concatenate([cells for cells, _ in lines])
    index = np.repeat(np.arange(len(lines)), [len(cells) for cells, _ in lines])
    samples = part.samples.chosen(cells)
    tile_of = np.repeat(np.arange(len(part.sizes)), [rows * cols for rows, cols in part.sizes])
    return Strokes(
        Samples(samples.cells, samples.features.astype(np.float32), samples.logits),
        index, np.array([label for _, label in lines]), tile_of[[cells[0] for cells, _ in lines]],
    )  # fmt: skip


def predicted(part: Part, logits: Callable[[Samples], NDArray[np.float64]]) -> Ids:
    """The class of each cell."""
    size, every = 20000, part.samples
    some = (slice(at, at + size) for at in range(0, len(part.truth), size))
    parts = (Samples(every.cells[each], every.features[each], every.logits[each]) for each in some)
    return np.concatenate([logits(each).argmax(axis=1) for each in parts])


def iou(found: Ids, truth: Ids, plan: ClassPlan, place: Place) -> float:
    """In percent."""
    classes = len(plan.task.labels)
    known = truth < classes
    table = np.bincount(truth[known] * classes + found[known], minlength=classes**2).reshape(classes, classes)
    hits = np.diag(table)
    each = 100 * hits / np.maximum(table.sum(axis=0) + table.sum(axis=1) - hits, 1)
    wanted = plan.task.labels.index(next(iter(place.classes)))
    return float(each[table.sum(axis=1) > 0].mean() if place.all_classes else each[wanted])


def linear(basis: Basis, weights: NDArray[np.float64], samples: Samples) -> NDArray[np.float64]:
    """The same as `basis(samples.features, samples.logits) @ weights`, ten times faster."""
    plain, constant = basis.unfolded(weights)
    size = samples.features.shape[1]
    found = samples.features.astype(np.float32) @ plain[:size].astype(np.float32) + samples.logits @ plain[size:]
    return np.asarray(found + constant, np.float64)


def taught(lesson: Lesson, samples: Samples) -> NDArray[np.float64]:
    """The logits after a lesson."""
    return linear(lesson.basis, lesson.weights, samples) + lesson.scales * lesson.plan.offsets(samples.logits)


class User:
    """A simulated user of one place."""

    def __init__(
        self, place: Place, plan: ClassPlan, here: Part, there: Part, *, seed: int, wrong: float, colours: int
    ) -> None:
        self.place, self.plan, self.here, self.there = place, plan, here, there
        self.random, self.wrong, self.colours = np.random.default_rng(seed), wrong, colours
        self.classes = len(plan.task.labels)
        spread = self.random.choice(len(here.truth), min(1500, len(here.truth)), replace=False)
        others = here.samples.chosen(spread)
        self.others = Samples(others.cells, others.features.astype(np.float32), others.logits)
        self.lines: list[Line] = []

    def score(self, logits: Callable[[Samples], NDArray[np.float64]]) -> float:
        """IoU on the part that is tested on."""
        return iou(predicted(self.there, logits), self.there.truth, self.plan, self.place)

    def lessons(self, after: Callable[[list[Line]], None] | None = None) -> tuple[list[float], list[float]]:
        """IoU before and after each step, and the seconds of each lesson."""
        parent: Callable[[Samples], NDArray[np.float64]] = lambda samples: self.plan.offsets(samples.logits)  # noqa: E731
        scores, seconds = [self.score(parent)], []
        taken, found, had = np.zeros(len(self.here.truth), bool), predicted(self.here, parent), 0
        for step in STEPS:
            self.lines += paint(self.here, found, self.classes, step - had, self.random, taken, self.wrong)
            had = step
            began = time.process_time()
            lesson = learn(strokes_of(self.here, self.lines), self.others, self.plan, self.colours)
            seconds.append(time.process_time() - began)
            logits = partial(taught, lesson)
            scores.append(self.score(logits))
            if after is not None:
                after(self.lines)
            found = predicted(self.here, logits) if step != STEPS[-1] else found
        return scores, seconds

    def from_nothing(self, strokes: Strokes) -> float:
        """The same head without the parent."""
        basis = find_basis(self.others.features, self.others.logits, self.colours)
        inputs = basis(strokes.samples.features, strokes.samples.logits)
        targets = np.eye(self.classes)[strokes.labels[strokes.stroke]]
        weights = fit(Points(inputs, np.zeros_like(targets), targets, stroke_weights(strokes)), 1.0)
        return self.score(partial(linear, basis, weights))

    def ceiling(self) -> float:
        """A head from 5,000 labelled pixels."""
        known = np.flatnonzero(self.here.truth < self.classes)
        some = self.random.choice(known, min(5000, len(known)), replace=False)
        basis, samples = (
            find_basis(self.others.features, self.others.logits, self.colours),
            self.here.samples.chosen(some),
        )
        targets = np.eye(self.classes)[self.here.truth[some]]
        inputs = basis(samples.features, samples.logits)
        weights = fit(Points(inputs, np.zeros_like(targets), targets, np.ones(len(some))), 1.0)
        weights[-1] += balance(inputs @ weights, np.ones(self.classes, bool)) / BIAS
        return self.score(partial(linear, basis, weights))

    def forest(self, strokes: Sequence[Line]) -> float:
        """A random forest on colours and textures."""
        return self._forest_score(_forest(self.here, strokes))

    def _forest_score(self, trees: Any) -> float:
        found = trees.predict(self.there.textures).astype(int)
        return iou(found, self.there.truth, self.plan, self.place)

    def own_forest(self, seed: int) -> list[float]:
        """The same, painted where it is wrong itself, after each step."""
        random, taken = np.random.default_rng(seed), np.zeros(len(self.here.truth), bool)
        lines: list[Line] = []
        found, had, scores = np.full(len(self.here.truth), -1), 0, []
        for step in STEPS:
            lines += paint(self.here, found, self.classes, step - had, random, taken, self.wrong)
            had, trees = step, _forest(self.here, lines)
            scores.append(self._forest_score(trees))
            found = trees.predict(self.here.textures).astype(int) if step != STEPS[-1] else found
        return scores


def _forest(part: Part, strokes: Sequence[Line]) -> Any:
    """A random forest that learned from strokes."""
    from sklearn.ensemble import RandomForestClassifier

    cells = np.concatenate([cells for cells, _ in strokes])
    labels = np.concatenate([np.full(len(cells), label) for cells, label in strokes])
    trees = RandomForestClassifier(100, random_state=0, class_weight="balanced", n_jobs=1)
    return trees.fit(part.textures[cells], labels)


def measure(place: Place, network: TeachableNetwork, asked: argparse.Namespace) -> dict[str, list[float]]:
    """The rows of one place."""
    seeds, forest = asked.seeds, asked.forest
    plan = plan_classes(network.card.class_task(), {k: v for k, v in place.classes.items() if v != [k]})
    order = [plan.task.labels.index(name) for name in place.classes]
    here, there = (read_part(pairs, network, forest) for pairs in place.read(asked.data))
    for part in (here, there):
        known = part.truth < len(order)
        part.truth[known] = np.array(order)[part.truth[known]]
    runs, seconds, nothing, woods, own = [], [], [], [], []
    for seed in range(seeds):
        user = User(place, plan, here, there, seed=seed, wrong=asked.wrong, colours=network.sizes[-1])

        def after(lines: list[Line], user: User = user, first: bool = seed == 0) -> None:
            if first:
                nothing.append(user.from_nothing(strokes_of(here, lines)))
                woods.append(user.forest(lines) if forest else float("nan"))

        scores, took = user.lessons(after)
        own.append(user.own_forest(seed) if forest else [float("nan")] * len(STEPS))
        runs.append(scores)
        seconds += took
    mean = np.mean(runs, axis=0)
    return {
        "taught": mean.tolist(),
        "nothing": nothing,
        "forest": woods,
        "own forest": np.mean(own, axis=0).tolist(),
        "ceiling": [user.ceiling()],
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="landcover")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--wrong", type=float, default=0.0)
    parser.add_argument("--forest", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    network = TeachableNetwork(verify(find_model(asked.model)))
    found = {}
    for place in (*PLACES, *NEW):
        if not asked.only or place.name in asked.only:
            found[place.name] = row = measure(place, network, asked)
            print(place.name, {name: np.round(values, 1).tolist() for name, values in row.items()}, flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(found, indent=1))
    print("\n".join(table(found)))


def table(found: dict[str, dict[str, list[float]]]) -> list[str]:
    """IoU by strokes per class, and the gains of all places."""
    rows = [["place", "as it is", *map(str, STEPS), "nothing 30", "forest 30", "own forest 30", "ceiling"]]
    at = STEPS.index(30)
    for name, row in found.items():
        values = [*row["taught"], row["nothing"][at], row["forest"][at], row["own forest"][at], row["ceiling"][0]]
        rows.append([name, *(f"{value:.1f}" for value in values)])
    lines = aligned(rows)
    for title, places in (
        ("places chosen by", CHOSEN_BY),
        ("places held out", HELD_OUT),
        ("all places", PLACES),
        ("new classes", NEW),
    ):
        some = [found[place.name] for place in places if place.name in found]
        lines += [f"{title}: {line}" for line in gains(some)] if some else []
    times = [value for row in found.values() for value in row["seconds"]]
    return [*lines, f"processor seconds of a lesson: median {np.median(times):.2f}, longest {max(times):.2f}"]


def gains(rows: Sequence[dict[str, list[float]]]) -> list[str]:
    """Of some places: by how much IoU grows, in a line for each way of learning."""
    before = np.array([row["taught"][0] for row in rows])
    lines = []
    for name, key, skip in (
        ("taught", "taught", 1),
        ("from nothing", "nothing", 0),
        ("forest", "forest", 0),
        ("own forest", "own forest", 0),
    ):
        found = np.array([row[key][skip:] for row in rows]) - before[:, None]
        of = {"median": np.median(found, axis=0), "worst": found.min(axis=0), "mean": found.mean(axis=0)}
        said = (f"{how} {' '.join(f'{value:+.1f}' for value in values)}" for how, values in of.items())
        lines.append(f"gain, {name}: {'; '.join(said)}")
    return lines


if __name__ == "__main__":
    main()
