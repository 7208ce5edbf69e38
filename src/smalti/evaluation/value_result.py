"""What an evaluation found of values per pixel: heights, depths."""

from dataclasses import dataclass
from typing import Any

from smalti.card import Task
from smalti.evaluation.conditions import Conditions
from smalti.evaluation.crop import Crop
from smalti.evaluation.result import Main
from smalti.evaluation.words import aligned, count, defined, number, percent
from smalti.value_metrics import ValueCounts, ValueScores


@dataclass(frozen=True)
class ValueRow:
    """The scores of one image."""

    name: str
    rmse: float
    delta1: float
    pixels: int


@dataclass(frozen=True, kw_only=True)
class ValueConditions(Conditions):
    """The conditions of scores of values."""

    task: Task
    scores: ValueScores
    crop: Crop | None

    def of_the_task(self) -> list[tuple[str, str]]:
        """What is known, where relative measures are taken, and the crop."""
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
class ValueEvaluation:
    """Everything that was measured of one task of values on one data set; a `Result`."""

    task: Task
    counts: ValueCounts
    scores: ValueScores
    images: tuple[ValueRow, ...]
    facts: ValueConditions
    seconds: float

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
        """See `Result`."""
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
            "ignored_pixels": self.facts.ignored,
            "images": [
                {"name": r.name, "rmse": defined(r.rmse), "delta1": defined(r.delta1), "pixels": r.pixels}
                for r in self.images
            ],
        }

    def table(self) -> list[str]:
        """See `Result`."""
        rows = [
            [name, percent(value) + " %" if name.startswith("delta") else number(value)]
            for name, value in self.figures()
        ]
        table = aligned([["measure", "value"], *rows])
        return [table[0], "-" * max(map(len, table)), *table[1:]]

    def more(self) -> list[str]:
        """See `Result`: nothing."""
        return []
