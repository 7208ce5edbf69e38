"""The scores of classes per pixel, with their protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from smalti.evaluation.calibration import Calibration, PixelSample
from smalti.evaluation.places import Places
from smalti.evaluation.protocol import MapConditions
from smalti.evaluation.protocols import ProtocolScores
from smalti.evaluation.result import Main, Result
from smalti.evaluation.tiles import ClassTile
from smalti.label_sets import words
from smalti.metrics import Confusion, Scores
from smalti.text import aligned, count, defined, percent


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
class ClassConditions(MapConditions):
    """The conditions of scores of classes."""

    scores: Scores
    boundary: Boundary | None
    eroded: bool = False
    weak: Mapping[str, int] = field(default_factory=dict)
    """Rules that made labels, each with the number of its images."""

    def of_the_task(self) -> list[tuple[str, str]]:
        """Labels, what the means are over, and how boundaries are matched."""
        # this text is compared with that of stored scores, so it stays as it was
        how = "eroded by the data set" if self.eroded else "as they are, not eroded"
        lines = [("labels", f"{how}; {self.passed_over('label or image')}"), ("means", self._means())]
        if self.scores.allowing:
            lines.insert(1, ("decided", self._decided()))
        if self.weak:
            rules = "; ".join(f"{count(images, 'image')}: {rule}" for rule, images in self.weak.items())
            lines.insert(1, ("weak labels", f"made by rules, not by people, of {rules}"))
        if self.boundary:
            lines.append(("boundaries", f"matched within {self.boundary.tolerance} px"))
        return lines

    def _decided(self) -> str:
        """How many pixels have a label of one class, and which sets of classes the others allow."""
        scores = self.scores
        sets = ", ".join(
            f"{words(scores.labels, each.classes)} ({count(each.pixels, 'pixel')})"
            for each in scores.rightness
            if len(each.classes) > 1
        )
        share = scores.pixels / max(1, scores.pixels + scores.allowing)
        return (
            f"{count(scores.pixels, 'pixel')} have one class ({share:.1%}), the others allow several: {sets}; "
            "IoU and F1 of a class over the pixels whose label is that class or does not allow it"
        )

    def _means(self) -> str:
        scores = self.scores
        text = f"over {', '.join(scores.in_mean) or 'no class'}, from one confusion matrix of all images"
        if scores.left_out:
            text += f"; left out: {', '.join(scores.left_out)}"
        if scores.absent:
            text += f"; in neither truth nor map, so out: {', '.join(scores.absent)}"
        if scores.undecided:
            text += f"; allowed but never certain, so out: {', '.join(scores.undecided)}"
        return text


@dataclass(frozen=True)
class ClassResult(Result):
    """What was measured of one task of classes per pixel; a `Result`."""

    protocol: ClassConditions
    scores: Scores
    confusion: Confusion
    boundary: Boundary | None
    images: tuple[ImageRow, ...]
    variants: tuple[ProtocolScores, ...] = ()
    """The same predictions scored by every protocol, if requested."""
    tiles: tuple[ClassTile, ...] = field(default=(), repr=False)
    """Every tile with its ground truth and its map, if requested."""
    places: Places | None = None
    """The scores by place, if requested: rightness, mIoU, and the IoU of each class."""
    sample: PixelSample = field(default_factory=PixelSample, repr=False, compare=False)
    """Pixels that calibration is measured on."""

    @cached_property
    def calibration(self) -> Calibration | None:
        """How far the probabilities can be trusted; None without a labelled pixel."""
        return self.sample.calibration(self.task.temperature)

    @property
    def main(self) -> Main:
        """See `Result`."""
        return Main("mIoU", self.scores.miou, True)

    def means(self) -> list[tuple[str, float]]:
        """The numbers over all classes, (name, value); NaN where one is not defined."""
        s = self.scores
        figures = [("mIoU", s.miou), ("mF1", s.mf1), ("OA", s.oa), ("kappa", s.kappa)]
        figures += [("mPrecision", s.mprecision), ("mRecall", s.mrecall)]
        if s.allowing:
            figures.append(("rightness", s.mrightness))
        if self.boundary:
            figures.append((f"boundary F1 at {self.boundary.tolerance} px", self.boundary.f1))
        return figures

    def figures(self) -> list[tuple[str, float]]:
        """See `Result`."""
        return self.means() + [(f"IoU {k}", v) for k, v in zip(self.task.labels, self.scores.iou, strict=True)]

    def shown(self) -> list[tuple[str, str, str]]:
        """The main numbers to show: (name, text, unit)."""
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
            "calibration": asdict(self.calibration) if self.calibration else None,
            **self._rightness(),
            **(self.places.to_dict() if self.places else {}),
            "images": [
                {"name": r.name, "miou": defined(r.miou), "oa": defined(r.oa), "pixels": r.pixels} for r in self.images
            ],
            "variants": [
                {"miou": defined(v.miou), "mf1": defined(v.mf1), "oa": defined(v.oa), "protocol": v.protocol}
                for v in self.variants
            ],
        }

    def _rightness(self) -> dict[str, Any]:
        """JSON fields about labels that allow sets of classes, where there are such."""
        s = self.scores
        rows = [
            {"label": words(s.labels, each.classes), "classes": [s.labels[k] for k in each.classes],
             "pixels": each.pixels, "rightness": each.right}
            for each in s.rightness
        ]  # fmt: skip
        return {"pixels_of_sets": s.allowing, "rightness": rows} if s.allowing else {}

    def _labels_table(self) -> list[str]:
        """The rightness of each label, where labels allow sets of classes."""
        s = self.scores
        if not s.allowing:
            return []
        rows = [[words(s.labels, each.classes), percent(each.right), f"{each.pixels:,}"] for each in s.rightness]
        head, *table = aligned(
            [["label", "rightness", "pixels"], *rows, ["mean", percent(s.mrightness), f"{s.pixels + s.allowing:,}"]]
        )
        line = "-" * len(head)
        return ["", head, line, *table[:-1], line, table[-1]]

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
        whole = [table[0], line, *table[1:-1], line, table[-1], "", overall, *self._trust()]
        return whole + self._labels_table()

    def _trust(self) -> list[str]:
        """A line about calibration."""
        found = self.calibration
        if found is None:
            return []
        own = f"temperature {self.task.temperature or 1:.3g}"
        best = f"{percent(found.calibrated_error)} by {found.temperature:.3g}, the best one here"
        return [f"calibration error {percent(found.error)} by {own}   {best}"]

    def more(self) -> list[str]:
        """See `Result`: the scores by place, and one line for each way to score, with its protocol."""
        places = ["", *self.places.lines()] if self.places else []
        return places + _variant_lines(self.variants)


def _variant_lines(variants: Sequence[ProtocolScores]) -> list[str]:
    if not variants:
        return []
    rows = [[percent(v.miou), percent(v.mf1), percent(v.oa)] for v in variants]
    lines = aligned([["mIoU", "mF1", "OA"], *rows])
    said = ["protocol", *(variant.protocol for variant in variants)]
    return ["", "the same maps, scored by every protocol", *(f"  {a}  {b}" for a, b in zip(lines, said, strict=True))]
