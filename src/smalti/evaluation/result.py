"""What an evaluation found, and the protocol under which every number of it stands."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smalti.card import Card, Score, Task
from smalti.evaluation.variants import Variant
from smalti.metrics import Confusion, Scores

NOT_STATED = "not stated"


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


@dataclass(frozen=True)
class Protocol:
    """The facts without which the scores say nothing."""

    data: str
    split: str
    images: int
    pixels: int
    ignored: int
    scores: Scores
    boundary: Boundary | None
    card: Card
    tta: bool
    chosen: str
    eroded: bool = False

    def lines(self) -> list[tuple[str, str]]:
        """What is stated, as (what, text)."""
        card = self.card
        share = self.ignored / max(1, self.pixels + self.ignored)
        lines = [
            ("data", f"{self.data}, {count(self.images, 'image')}, {self.pixels:,} pixels counted"),
            ("split", self.split),
            (
                "labels",
                f"{'eroded by the data set' if self.eroded else 'as they are, not eroded'}; "
                f"{self.ignored:,} pixels without label or image ({share:.1%}) ignored",
            ),
            ("means", self._means()),
            ("tiles", f"{card.tile} px, overlap {card.overlap} px, blended"),
            (
                "passes",
                "mean of 8 flips and turns" if self.tta else "one, no test-time augmentation",
            ),
            ("checkpoint", f"{card.name}; chosen by: {self.chosen}"),
        ]
        if self.boundary:
            lines.insert(4, ("boundaries", f"matched within {self.boundary.tolerance} px"))
        return lines

    def _means(self) -> str:
        scores = self.scores
        text = f"over {', '.join(scores.in_mean) or 'no class'}, from one confusion matrix of all images"
        if scores.left_out:
            text += f"; left out: {', '.join(scores.left_out)}"
        if scores.absent:
            text += f"; in neither truth nor map, so out: {', '.join(scores.absent)}"
        return text

    def __str__(self) -> str:
        return "; ".join(f"{what}: {text}" for what, text in self.lines())


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured on one data set."""

    task: Task
    confusion: Confusion
    scores: Scores
    boundary: Boundary | None
    images: tuple[ImageRow, ...]
    facts: Protocol
    seconds: float
    variants: tuple[Variant, ...] = ()
    """The same predictions scored in every way, where that was asked for."""

    @property
    def protocol(self) -> str:
        """The protocol as one line."""
        return str(self.facts)

    def figures(self) -> list[tuple[str, float]]:
        """The main numbers, (name, value); NaN where one is not defined."""
        s = self.scores
        figures = [("mIoU", s.miou), ("mF1", s.mf1), ("OA", s.oa), ("kappa", s.kappa)]
        figures += [("mPrecision", s.mprecision), ("mRecall", s.mrecall)]
        if self.boundary:
            figures.append((f"boundary F1 at {self.boundary.tolerance} px", self.boundary.f1))
        return figures

    def card_scores(self) -> tuple[Score, ...]:
        """The main numbers as a model's card keeps them, each with the protocol."""
        figures = self.figures() + [(f"IoU {k}", v) for k, v in zip(self.task.labels, self.scores.iou, strict=True)]
        return tuple(Score(name=k, value=round(v, 4), protocol=self.protocol) for k, v in figures if not math.isnan(v))

    def to_json(self) -> str:
        """All of it as JSON; what is not defined is null."""
        s, boundary = self.scores, self.boundary
        per_class = {
            label: {
                "iou": _number(s.iou[k]),
                "f1": _number(s.f1[k]),
                "precision": _number(s.precision[k]),
                "recall": _number(s.recall[k]),
                "boundary_f1": _number(boundary.per_class[k]) if boundary else None,
                "pixels": int(self.confusion.counts[k].sum()),
            }
            for k, label in enumerate(self.task.labels)
        }
        whole: dict[str, Any] = {
            "model": self.facts.card.name,
            "task": self.task.name,
            "scores": [score.model_dump() for score in self.card_scores()],
            "protocol": dict(self.facts.lines()),
            "classes": per_class,
            "confusion": {"rows": "truth", "labels": list(s.labels), "counts": self.confusion.counts.tolist()},
            "ignored_pixels": self.confusion.ignored,
            "images": [
                {"name": r.name, "miou": _number(r.miou), "oa": _number(r.oa), "pixels": r.pixels} for r in self.images
            ],
            "variants": [
                {"miou": _number(v.miou), "mf1": _number(v.mf1), "oa": _number(v.oa), "protocol": v.protocol}
                for v in self.variants
            ],
            "seconds": round(self.seconds, 3),
        }
        return json.dumps(whole, indent=2, ensure_ascii=False)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def count(n: int, noun: str) -> str:
    """A number with its noun: `1 image`, `9 images`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def text_table(evaluation: Evaluation) -> str:
    """The scores as aligned plain text, with the protocol under them."""
    s, boundary = evaluation.scores, evaluation.boundary
    head = ["class", "IoU", "F1", "precision", "recall", *(["boundary F1"] if boundary else []), "pixels"]
    rows = [
        [
            label + (" (left out)" if label in s.left_out else ""),
            *(percent(v[k]) for v in (s.iou, s.f1, s.precision, s.recall, *([boundary.per_class] if boundary else []))),
            f"{evaluation.confusion.counts[k].sum():,}",
        ]
        for k, label in enumerate(s.labels)
    ]
    means = [s.miou, s.mf1, s.mprecision, s.mrecall, *([boundary.f1] if boundary else [])]
    foot = ["mean", *map(percent, means), f"{s.pixels:,}"]
    table = aligned([head, *rows, foot])
    table.insert(1, "-" * len(table[0]))
    table.insert(-1, table[1])
    overall = f"overall accuracy {percent(s.oa)}   kappa {percent(s.kappa)}"
    width = max(len(what) for what, _ in evaluation.facts.lines())
    protocol = [f"  {what:<{width}}  {text}" for what, text in evaluation.facts.lines()]
    return "\n".join([*table, "", overall, "", "protocol", *protocol, *_variant_lines(evaluation.variants)])


def _variant_lines(variants: Sequence[Variant]) -> list[str]:
    """One line for each way to score, with its protocol; nothing where none was asked for."""
    if not variants:
        return []
    rows = [[percent(v.miou), percent(v.mf1), percent(v.oa)] for v in variants]
    lines = aligned([["mIoU", "mF1", "OA"], *rows])
    said = ["protocol", *(variant.protocol for variant in variants)]
    return ["", "the same maps by every protocol", *(f"  {a}  {b}" for a, b in zip(lines, said, strict=True))]


def percent(value: float) -> str:
    """A share as text in percent, a dash where it is not defined."""
    return "-" if math.isnan(value) else f"{100 * value:.2f}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]
