"""Values per pixel, heights and depths: counted strip by strip, in bounded memory, and their scores."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats
from smalti.card import Task
from smalti.datasets.nyuv2_crop import Crop
from smalti.evaluation.pairs import Pair, TruthReader
from smalti.evaluation.places import PlaceRow, Places
from smalti.evaluation.protocol import MapConditions, Stated
from smalti.evaluation.result import Main, Result
from smalti.evaluation.tally import open_truth
from smalti.evaluation.tiles import ValueTile, ValueTileKeeper
from smalti.raster.grid import Grid
from smalti.raster.values import METRES
from smalti.text import aligned, count, defined, number, percent
from smalti.tiling import Window
from smalti.value_metrics import IGNORED, PIXELS, ValueCounts, ValueScores


@dataclass(frozen=True)
class ValueRow:
    """The scores of one image."""

    name: str
    rmse: float
    delta1: float
    pixels: int


@dataclass(frozen=True, kw_only=True)
class ValueConditions(MapConditions):
    """The conditions of scores of values."""

    task: Task
    scores: ValueScores
    crop: Crop | None

    def of_the_task(self) -> list[tuple[str, str]]:
        """The ground truth, the pixels of relative measures, and the crop."""
        unit = f" {self.task.unit}" if self.task.unit else ""
        s = self.scores
        near = f"at least {s.above:g}{unit}" if s.above else f"above 0{unit}"
        lines = [
            ("truth", f"values{f' in{unit}' if unit else ''}; {self.passed_over('value or image')}"),
            (
                "measures",
                f"pooled over all pixels; rel, sq rel, log10, RMSE log and delta only where the truth is {near} "
                f"({count(s.pixels_above, 'pixel')})",
            ),
        ]
        if self.crop:
            lines.append(("crop", str(self.crop)))
        return lines


@dataclass(frozen=True)
class ValueResult(Result):
    """What was measured of one task of values per pixel; a `Result`."""

    protocol: ValueConditions
    scores: ValueScores
    counts: ValueCounts
    images: tuple[ValueRow, ...]
    tiles: tuple[ValueTile, ...] = field(default=(), repr=False)
    """Every tile with its ground truth and its prediction, if requested."""
    places: Places | None = None
    """The scores by place, if requested: RMSE and mean absolute error."""

    @property
    def main(self) -> Main:
        """See `Result`."""
        return Main("RMSE", self.scores.rmse, False)

    def figures(self) -> list[tuple[str, float]]:
        """See `Result`; names carry the unit where the number has one."""
        s, unit = self.scores, f" ({self.task.unit})" if self.task.unit else ""
        return [
            (f"abs{unit}", s.abs),
            (f"RMSE{unit}", s.rmse),
            ("rel", s.rel),
            (f"sq rel{unit}", s.sq_rel),
            ("log10", s.log10),
            ("RMSE log", s.rmse_log),
            ("delta 1", s.delta1),
            ("delta 2", s.delta2),
            ("delta 3", s.delta3),
        ]

    def shown(self) -> list[tuple[str, str, str]]:
        """The main numbers to show: (name, text, unit)."""
        s, unit = self.scores, self.task.unit
        shares = [(f"delta {k}", percent(value), "%") for k, value in enumerate((s.delta1, s.delta2, s.delta3), 1)]
        return [("RMSE", number(s.rmse), unit), ("abs", number(s.abs), unit), ("rel", number(s.rel), ""), *shares]

    def details(self) -> dict[str, Any]:
        """See `Result`."""
        s = self.scores
        return {
            "unit": self.task.unit,
            "above": s.above,
            "values": {name: defined(value) for name, value in self.figures()},
            "pixels": s.pixels,
            "pixels_above": s.pixels_above,
            "ignored_pixels": self.protocol.ignored,
            "images": [
                {"name": r.name, "rmse": defined(r.rmse), "delta1": defined(r.delta1), "pixels": r.pixels}
                for r in self.images
            ],
            **(self.places.to_dict() if self.places else {}),
        }

    def more(self) -> list[str]:
        """See `Result`: the scores by place."""
        return ["", *self.places.lines()] if self.places else []

    def table(self) -> list[str]:
        """See `Result`."""
        rows = [
            [name, percent(value) + " %" if name.startswith("delta") else number(value)]
            for name, value in self.figures()
        ]
        table = aligned([["measure", "value"], *rows])
        return [table[0], "-" * max(map(len, table)), *table[1:]]


LEAST_HEIGHT = 1.0
"""Metres: relative errors of lower heights are meaningless."""


def threshold(task: Task) -> float:
    """The smallest ground truth for relative errors, in the task's unit: 1 m for heights, above 0 for others."""
    return LEAST_HEIGHT / METRES.get(task.unit, 1.0) if task.quantity == "height" else 0.0


@dataclass
class ValueTally:
    """The sums of a whole dataset for one task of values; a `Tally`."""

    task: Task
    above: float
    crop: Crop | None = None
    keep_tiles: bool = False
    """Whether to keep every tile, its ground truth and its prediction."""
    by_place: bool = False
    """Whether to score each place by itself, too."""
    tiles: list[ValueTile] = field(default_factory=list)
    counts: ValueCounts = field(init=False)
    images: list[ValueRow] = field(default_factory=list)
    places: dict[str, list[ValueCounts]] = field(default_factory=dict)
    """The sums of each image by its place."""

    def __post_init__(self) -> None:
        self.counts = ValueCounts(self.above)

    @property
    def counted(self) -> bool:
        """See `Tally`."""
        return bool(self.counts.counts[PIXELS])

    def begin(self, pair: Pair, grid: Grid, stack: ExitStack) -> "ImageValueTally":
        """See `Tally`; DataError if the crop is for images of another size."""
        if self.crop:
            self.crop.check(pair.name, grid.height, grid.width)
        return ImageValueTally(pair, grid.width, open_truth(pair, self.task, grid, stack), self)

    def finish(self, pair: Pair, counts: ValueCounts) -> None:
        """Adds the sums of one image."""
        self.counts.merge(counts)
        scores = counts.scores()
        self.images.append(ValueRow(pair.name, scores.rmse, scores.delta1, scores.pixels))
        if self.by_place:
            self.places.setdefault(pair.place, []).append(counts)

    def add(self, other: "ValueTally") -> None:
        """See `Tally`."""
        self.counts.merge(other.counts)
        self.tiles += other.tiles
        self.images += other.images
        for place, counts in other.places.items():
            self.places.setdefault(place, []).extend(counts)

    def result(self, stated: Stated) -> ValueResult:
        """See `Tally`."""
        scores = self.counts.scores()
        protocol = ValueConditions(
            stated=stated, images=len(self.images), pixels=scores.pixels, ignored=int(self.counts.counts[IGNORED]),
            task=self.task, scores=scores, crop=self.crop,
        )  # fmt: skip
        places = self._places() if self.by_place else None
        return ValueResult(self.task, protocol, scores, self.counts, tuple(self.images), tuple(self.tiles), places)

    def _places(self) -> Places:
        """The scores of each place that has a known value, by name."""
        rows = []
        for place, images in sorted(self.places.items()):
            counts = ValueCounts(self.above)
            for each in images:
                counts.merge(each)
            if (scores := counts.scores()).pixels:
                rows.append(PlaceRow(place, len(images), scores.pixels, (scores.rmse, scores.abs)))
        unit = f" ({self.task.unit})" if self.task.unit else ""
        return Places((f"RMSE{unit}", f"abs{unit}"), tuple(rows), shares=False)


class ImageValueTally:
    """Counts the values of one image; see `ImageTally`."""

    def __init__(self, pair: Pair, width: int, truth: TruthReader, tally: ValueTally) -> None:
        self._pair, self._width, self._truth, self._tally = pair, width, truth, tally
        self._counts = ValueCounts(tally.above)
        self._keeper = ValueTileKeeper(pair.name, tally.tiles) if tally.keep_tiles else None
        self._strip: Floats = np.empty((0, 0), np.float32)

    def write(self, window: Window, values: dict[str, Floats], valid: NDArray[np.bool_]) -> None:
        """See `ImageTally`."""
        if window.col == 0:
            self._strip = np.empty((window.height, self._width), np.float32)
        found = np.where(valid, values[self._tally.task.name][0], np.float32(np.nan))
        self._strip[:, window.col : window.right] = found
        if window.right == self._width:
            self._count(Window(window.row, 0, window.height, self._width))

    def _count(self, window: Window) -> None:
        truth = self._truth.read(window)
        if self._tally.crop:
            truth = self._tally.crop.cut(truth, window)
        self._counts.add(truth, self._strip)
        if self._keeper:
            self._keeper.add(truth, self._strip)

    def close(self) -> None:
        """See `ImageTally`."""
        if self._keeper:
            self._keeper.close()
        self._tally.finish(self._pair, self._counts)
