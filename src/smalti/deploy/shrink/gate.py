"""What a smaller model may lose, measured against its parent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smalti.arrays import Pixels
from smalti.card import Score
from smalti.deploy.agreement import agreement
from smalti.evaluation.result import Evaluation, Result
from smalti.runtime.models import ModelFile
from smalti.runtime.onnx import OnnxPredictor


@dataclass(frozen=True, slots=True)
class GateRow:
    """A task of both models on the same images."""

    data: str
    task: str
    measure: str
    """`mIoU` or another main score of the task; `agreement` without labels."""
    before: float
    after: float
    loss: float
    """In percent: points of a score; of an error, such as RMSE, its rise; without labels the share that is predicted
    otherwise."""
    scores: tuple[Score, ...] = ()
    """Of the smaller model, with their protocol."""
    parent_scores: tuple[Score, ...] = ()
    """The same of its parent."""


Judge = Callable[[ModelFile], list[GateRow]]
"""Compares a smaller model with its parent."""


def worst(rows: Sequence[GateRow]) -> float:
    """The largest loss in percent."""
    return max(each.loss for each in rows)


class Agreement:
    """Compares predictions on tiles without labels."""

    def __init__(self, parent: ModelFile, tiles: Sequence[Pixels]) -> None:
        """`tiles` are raw pixels 1,C,H,W, others than those of the calibration."""
        predict = OnnxPredictor(parent)
        self._tiles, self._expected = tiles, [predict(tile) for tile in tiles]

    def __call__(self, model: ModelFile) -> list[GateRow]:
        """See `Judge`."""
        predict = OnnxPredictor(model)
        shares = agreement(model.card.tasks, self._expected, [predict(tile) for tile in self._tiles])
        data = f"{len(self._tiles)} tiles without labels"
        return [
            GateRow(data, name, "agreement", 1.0, share, 100 * (1 - share), (_score(name, share, data),))
            for name, share in shares.items()
        ]


def _score(task: str, share: float, data: str) -> Score:
    protocol = f"data: {data}; the share of pixels of the parent's class, or 1 - the relative difference of values"
    return Score(name=f"{task} agreement with its parent", value=round(share, 4), protocol=protocol)


class Labelled:
    """Compares scores on images with labels."""

    def __init__(self, parent: ModelFile, score: Callable[[ModelFile], dict[str, Evaluation]]) -> None:
        """`score` evaluates a model, and returns the results by the name of the data."""
        self._score, self._before = score, score(parent)

    def __call__(self, model: ModelFile) -> list[GateRow]:
        """See `Judge`."""
        after = self._score(model)
        return [
            _row(data, one, other)
            for data, before in self._before.items()
            for one, other in zip(before, after[data], strict=True)
        ]


def _row(data: str, before: Result, after: Result) -> GateRow:
    measure, value, higher_is_better = after.main
    old = before.main.value
    loss = 100 * (old - value) if higher_is_better else 100 * (value / old - 1) if old else 100 * value
    scores, before_scores = after.card_scores(of_task=True), before.card_scores(of_task=True)
    return GateRow(data, after.task.name, measure, old, value, loss, scores, before_scores)
