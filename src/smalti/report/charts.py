"""The geometry of charts; templates turn it into SVG."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.errors import DataError

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix: its position, its share of the row, and its texts."""

    x: int
    y: int
    share: float
    count: int
    title: str
    right: bool
    """Whether it lies on the diagonal."""

    @property
    def percent(self) -> str:
        """The share as text; "" for an empty cell."""
        if not self.count:
            return ""
        return f"{100 * self.share:.1f}" if self.share >= 0.0005 else "<0.1"

    @property
    def short(self) -> str:
        """The count in few characters."""
        return short(self.count)


@dataclass(frozen=True)
class Matrix:
    """A drawn confusion matrix: rows are the ground truth, each cell's shade its share of the row."""

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    cell_width: int
    cell_height: int
    margin: int
    """Space for the row labels on the left."""
    texts: bool
    """Whether the cells are large enough for numbers."""

    @property
    def width(self) -> int:
        """Width of the drawing."""
        return self.margin + self.cell_width * len(self.labels) + 2

    @property
    def height(self) -> int:
        """Height of the drawing."""
        return 46 + self.cell_height * len(self.labels) + 2


def matrix(counts: NDArray[np.int64], labels: Sequence[str]) -> Matrix:
    """Lays out the counts of a confusion matrix, K,K int64: rows are the ground truth, columns the prediction."""
    few = len(labels) <= 12
    width, height = (84, 52) if few else (22, 22)
    margin = 24 + 8 * max(len(label) for label in labels)
    totals = np.maximum(counts.sum(1), 1)
    cells = tuple(
        Cell(
            margin + p * width,
            46 + t * height,
            float(counts[t, p] / totals[t]),
            int(counts[t, p]),
            f"{labels[t]} mapped as {labels[p]}: {counts[t, p]:,} pixels",
            t == p,
        )
        for t in range(len(labels))
        for p in range(len(labels))
    )
    return Matrix(tuple(labels), cells, width, height, margin, few)


@dataclass(frozen=True)
class Line:
    """One curve: its SVG points and its last value."""

    name: str
    points: str
    last: str


@dataclass(frozen=True)
class Chart:
    """Curves over steps, in a drawing of WIDTH x HEIGHT."""

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 34
MOST_POINTS = 400


def chart(title: str, curves: dict[str, Points]) -> Chart | None:
    """Scales curves of (step, value) into a drawing; None if there is nothing to draw."""
    curves = {name: [p for p in points if math.isfinite(p[1])] for name, points in curves.items()}
    curves = {name: thinned(points) for name, points in curves.items() if points}
    if not curves:
        return None
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(min(ys), max(ys))
    x_low, x_high = min(*xs, x_ticks[0]), max(*xs, x_ticks[-1])
    y_low, y_high = min(*ys, y_ticks[0]), max(*ys, y_ticks[-1])

    def across(x: float) -> float:
        return round(LEFT + (x - x_low) / (x_high - x_low or 1) * (WIDTH - LEFT - RIGHT), 1)

    def down(y: float) -> float:
        return round(TOP + (y_high - y) / (y_high - y_low or 1) * (HEIGHT - TOP - BOTTOM), 1)

    lines = tuple(
        Line(name, " ".join(f"{across(x)},{down(y)}" for x, y in points), f"{points[-1][1]:.4g}")
        for name, points in curves.items()
    )
    return Chart(
        title,
        lines,
        tuple((across(x), f"{x:,.10g}") for x in x_ticks),
        tuple((down(y), f"{y:.10g}") for y in y_ticks),
    )


def thinned(points: Points) -> Points:
    """At most MOST_POINTS points, each the mean of its neighbours."""
    if len(points) <= MOST_POINTS:
        return points
    parts = np.array_split(np.array(points), MOST_POINTS)
    return [(float(part[-1, 0]), float(part[:, 1].mean())) for part in parts]


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers from at or below `low` to at or above `high`."""
    if high <= low:
        return [low, low + (abs(low) or 1)]
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


def read_records(path: Path) -> dict[str, Points]:
    """The columns of a CSV with a column `step`, each as (step, value); empty fields are skipped.

    Raises:
        DataError: the file cannot be read, has no such column, or a field is not a number.
    """
    columns: dict[str, Points] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                step = float(row.pop("step"))
                for name, text in row.items():
                    if text:
                        columns.setdefault(name, []).append((step, float(text)))
    except (OSError, KeyError, ValueError, TypeError) as error:
        reason = "it has no column `step`" if isinstance(error, KeyError) else error
        raise DataError(f"{path}: not a training log: {reason}; expected a CSV with `step` and numbers") from None
    return columns


def training_charts(records: dict[str, Points]) -> list[Chart]:
    """Charts of the losses and of the validation scores; other records are skipped."""
    wanted = {"Loss": ("loss",), "Validation scores": ("miou", "mf1", "oa")}
    charts = []
    for title, keys in wanted.items():
        curves = {name: points for name, points in records.items() if any(k in _words(name) for k in keys)}
        charts.append(chart(title, curves))
    return [drawn for drawn in charts if drawn]


def _words(name: str) -> list[str]:
    for mark in "/_- .":
        name = name.replace(mark, " ")
    return name.lower().split()


def short(number: float) -> str:
    """A count in few characters: 950, 12.3k, 4.56M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"
