"""What an evaluation found of classes per pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smalti.card import Task
from smalti.evaluation.conditions import Conditions
from smalti.evaluation.result import Main
from smalti.evaluation.variants import Variant
from smalti.evaluation.words import aligned, defined, percent
from smalti.metrics import Confusion, Scores


@dataclass(frozen=True)
class ImageRow:
    """The scores of one image."""

    name: str
    miou: float
    oa: float
    pixels: int


@dataclass(frozen=True)
class Boundary:
    """Boundary F1 at a tolerance in pixels: per class, and its mean over the classes that count."""

    tolerance: int
    f1: float
    per_class: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ClassConditions(Conditions):
    """The conditions of scores of classes."""

    scores: Scores
    boundary: Boundary | None
    eroded: bool = False

    def of_the_task(self) -> list[tuple[str, str]]:
        """Labels, what the means are over, and how boundaries are matched."""
        how = "eroded by the data set" if self.eroded else "as they are, not eroded"
        lines = [("labels", f"{how}; {self.passed_over('label or image')}"), ("means", self._means())]
        if self.boundary:
            lines.append(("boundaries", f"matched within {self.boundary.tolerance} px"))
        return lines

    def _means(self) -> str:
        scores = self.scores
        text = f"over {', '.join(scores.in_mean) or 'no class'}, from one confusion matrix of all images"
        if scores.left_out:
            text += f"; left out: {', '.join(scores.left_out)}"
        if scores.absent:
            text += f"; in neither truth nor map, so out: {', '.join(scores.absent)}"
        return text


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured of one task of classes on one data set; a `Result`."""

    task: Task
    confusion: Confusion
    scores: Scores
    boundary: Boundary | None
    images: tuple[ImageRow, ...]
    facts: ClassConditions
    seconds: float
    variants: tuple[Variant, ...] = ()
    """The same predictions scored in every way, where that was asked for."""

    @property
    def main(self) -> Main:
        """See `Result`."""
        return Main("mIoU", self.scores.miou, True)

    def means(self) -> list[tuple[str, float]]:
        """The numbers over all classes, (name, value); NaN where one is not defined."""
        s = self.scores
        figures = [("mIoU", s.miou), ("mF1", s.mf1), ("OA", s.oa), ("kappa", s.kappa)]
        figures += [("mPrecision", s.mprecision), ("mRecall", s.mrecall)]
        if self.boundary:
            figures.append((f"boundary F1 at {self.boundary.tolerance} px", self.boundary.f1))
        return figures

    def figures(self) -> list[tuple[str, float]]:
        """See `Result`."""
        return self.means() + [(f"IoU {k}", v) for k, v in zip(self.task.labels, self.scores.iou, strict=True)]

    def shown(self) -> list[tuple[str, str, str]]:
        """See `Result`."""
        hidden = ("mPrecision", "mRecall")  # seen in the last row of the table only
        return [(name, percent(value), "%") for name, value in self.means() if name not in hidden]

    def details(self) -> dict[str, Any]:
        """See `Result`."""
        s, boundary = self.scores, self.boundary
        per_class = {
            label: {
                "iou": defined(s.iou[k]),
                "f1": defined(s.f1[k]),
                "precision": defined(s.precision[k]),
                "recall": defined(s.recall[k]),
                "boundary_f1": defined(boundary.per_class[k]) if boundary else None,
                "pixels": int(self.confusion.counts[k].sum()),
            }
            for k, label in enumerate(self.task.labels)
        }
        return {
            "classes": per_class,
            "confusion": {"rows": "truth", "labels": list(s.labels), "counts": self.confusion.counts.tolist()},
            "ignored_pixels": self.confusion.ignored,
            "images": [
                {"name": r.name, "miou": defined(r.miou), "oa": defined(r.oa), "pixels": r.pixels} for r in self.images
            ],
            "variants": [
                {"miou": defined(v.miou), "mf1": defined(v.mf1), "oa": defined(v.oa), "protocol": v.protocol}
                for v in self.variants
            ],
        }

    def table(self) -> list[str]:
        """See `Result`."""
        s, boundary = self.scores, self.boundary
        head = ["class", "IoU", "F1", "precision", "recall", *(["boundary F1"] if boundary else []), "pixels"]
        columns = (s.iou, s.f1, s.precision, s.recall, *([boundary.per_class] if boundary else []))
        rows = [
            [
                label + (" (left out)" if label in s.left_out else ""),
                *(percent(column[k]) for column in columns),
                f"{self.confusion.counts[k].sum():,}",
            ]
            for k, label in enumerate(s.labels)
        ]
        means = [s.miou, s.mf1, s.mprecision, s.mrecall, *([boundary.f1] if boundary else [])]
        table = aligned([head, *rows, ["mean", *map(percent, means), f"{s.pixels:,}"]])
        line = "-" * len(table[0])
        overall = f"overall accuracy {percent(s.oa)}   kappa {percent(s.kappa)}"
        return [table[0], line, *table[1:-1], line, table[-1], "", overall]

    def more(self) -> list[str]:
        """See `Result`: one line for each way to score, with its protocol."""
        return _variant_lines(self.variants)


def _variant_lines(variants: Sequence[Variant]) -> list[str]:
    if not variants:
        return []
    rows = [[percent(v.miou), percent(v.mf1), percent(v.oa)] for v in variants]
    lines = aligned([["mIoU", "mF1", "OA"], *rows])
    said = ["protocol", *(variant.protocol for variant in variants)]
    return ["", "the same maps by every protocol", *(f"  {a}  {b}" for a, b in zip(lines, said, strict=True))]
