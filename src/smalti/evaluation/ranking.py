"""Scores of a ranking of photos, with their protocol: pairs, best of series, calibration of the probabilities.

A model may give any logit for each ordered pair; scores are the special case of differences. Each pair is predicted
in both orders, and each counts half: otherwise a model that prefers the first photo would be right where it is better.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.evaluation.protocol import Conditions, Stated
from smalti.evaluation.result import Evaluation, Main, Result
from smalti.text import aligned, count, percent

Reals = NDArray[np.floating]

MARGINS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bin edges of the known probabilities (of people or measures)."""
CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bin edges of the model's probabilities."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One series: its ground truth, and a model's predictions."""

    name: str
    preferences: tuple[tuple[int, int, float], ...]
    """Photo a, photo b, the probability that a is better."""
    best: int | None
    """The photo that beats every other one, if it is known."""
    logits: Reals
    """photos,photos: logits of P(row is better than column)."""


def by_scores(scores: Sequence[float] | Reals) -> Reals:
    """The logits photos,photos of scores."""
    values = np.asarray(scores, np.float64)
    return values[:, None] - values[None]


@dataclass(frozen=True)
class Bin:
    """Pairs of one bin of probabilities."""

    low: float
    high: float
    pairs: float
    """Half-integers if the predictions of a pair fall into two bins."""
    said: float
    """Mean predicted probability of the model's favourite; NaN without pairs."""
    true: float
    """How often (or with what known probability) the favourite is the better one."""


@dataclass(frozen=True)
class RankingScores:
    """Scores over all series. Pairs with a known probability of exactly one half are ignored: none is better."""

    series: int
    pairs: int
    accuracy: float
    error: float
    """Standard error of the accuracy; pairs of a series are not independent, so it is taken over series."""
    top1: float
    """Share of the series with a known best photo whose best was chosen."""
    top1_series: int
    chance: float
    """The expected `top1` of random guessing."""
    log_loss: float
    """Mean cross-entropy against the known probabilities, natural logarithm."""
    least_log_loss: float
    """Their own entropy: the lower bound of the log-loss."""
    ece: float
    """Expected calibration error over the bins of `confidence`."""
    margins: tuple[Bin, ...]
    confidence: tuple[Bin, ...]


def score_ranking(judged: Sequence[Judged]) -> RankingScores:
    """Counts over all series at once; NaN where nothing can be counted."""
    pairs = [(at, a, b, p) for at, one in enumerate(judged) for a, b, p in one.preferences if p != 0.5]
    rows = pairs + [(at, b, a, 1 - p) for at, a, b, p in pairs]
    owner = np.array([row[0] for row in rows], int)
    logits = np.array([judged[at].logits[a, b] for at, a, b, _ in rows], float)
    known = np.array([row[3] for row in rows], float)
    right = np.where(logits == 0, 0.5, (logits > 0) == (known > 0.5))  # a tie is half right
    favoured = np.where(logits >= 0, known, 1 - known)  # known probability of the model's favourite
    sure = 1 / (1 + np.exp(-np.abs(logits)))
    accuracy = _mean(right)
    picks = [(one.best, _pick(one.logits), len(one.logits)) for one in judged if one.best is not None]
    confidence = _bins(sure, CONFIDENCES, sure, favoured)
    ece = sum(one.pairs * abs(one.said - one.true) for one in confidence if one.pairs) / max(1, len(pairs))
    return RankingScores(
        series=len(judged),
        pairs=len(pairs),
        accuracy=accuracy,
        error=_clustered(right - accuracy, owner, len(judged)),
        top1=_mean(np.array([best == pick for best, pick, _ in picks], float)),
        top1_series=len(picks),
        chance=_mean(np.array([1 / size for _, _, size in picks])),
        log_loss=_mean(np.logaddexp(0, -logits) * known + np.logaddexp(0, logits) * (1 - known)),
        least_log_loss=_mean(_entropy(known)),
        ece=ece if pairs else math.nan,
        margins=_bins(np.maximum(known, 1 - known), MARGINS, sure, right),
        confidence=confidence,
    )


def _pick(logits: Reals) -> int:
    """The photo that wins most comparisons, in both orders."""
    return int(np.argmax(logits.sum(1) - logits.sum(0)))


def _mean(values: Reals) -> float:
    return float(values.mean()) if len(values) else math.nan


def _clustered(residuals: Reals, owner: NDArray[np.int_], series: int) -> float:
    if not len(residuals):
        return math.nan
    sums = np.bincount(owner, residuals, series)
    return float(np.sqrt((sums**2).sum()) / len(residuals))


def _entropy(chance: Reals) -> Reals:
    inside = np.clip(chance, 1e-12, 1 - 1e-12)
    entropy: Reals = -(inside * np.log(inside) + (1 - inside) * np.log1p(-inside))
    return entropy


def _bins(by: Reals, bounds: Sequence[float], said: Reals, true: Reals) -> tuple[Bin, ...]:
    found = []
    for low, high in pairwise(bounds):
        mine = (by >= low) & ((by < high) | (high == bounds[-1]))
        found.append(Bin(low, high, float(mine.sum()) / 2, _mean(said[mine]), _mean(true[mine])))
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class RankingConditions(Conditions):
    """The conditions of scores of a ranking."""

    labels: str
    """Where the labels come from, in words."""
    scores: RankingScores

    def lines(self) -> list[tuple[str, str]]:
        """See `Conditions`."""
        s = self.scores
        return [
            ("data", f"{self.stated.data}, {s.series} series, {count(s.pairs, 'pair')} with a better photo"),
            ("split", self.stated.split),
            ("labels", self.labels),
            (
                "accuracy",
                "each pair is predicted in both orders, each counts half; its standard error is over series",
            ),
            ("best of series", f"over the {s.top1_series} series whose best photo is known"),
            self.checkpoint,
        ]


@dataclass(frozen=True)
class RankingResult(Result):
    """A model's scores beside those of plain measures on the same pairs; a `Result`."""

    protocol: RankingConditions
    scores: RankingScores
    baselines: dict[str, RankingScores]

    @property
    def main(self) -> Main:
        """See `Result`."""
        return Main("pair accuracy", self.scores.accuracy, True)

    def figures(self) -> list[tuple[str, float]]:
        """See `Result`."""
        s = self.scores
        figures = [("pair accuracy", s.accuracy), ("standard error of the pair accuracy", s.error)]
        figures += [("best of series", s.top1), ("best of series by chance", s.chance)]
        figures += [("log-loss", s.log_loss), ("calibration error", s.ece)]
        return figures + [(f"pair accuracy of {name}", one.accuracy) for name, one in self.baselines.items()]

    def details(self) -> dict[str, Any]:
        """See `Result`."""
        baselines = {name: _plain(scores) for name, scores in self.baselines.items()}
        return {"ranking": _plain(self.scores), "baselines": baselines}

    def table(self) -> list[str]:
        """See `Result`: the model beside plain measures, and its bins."""
        s = self.scores
        rows = [("", "pairs right, %", "best of series, %", "log-loss", "calibration error")]
        rows.append((self.protocol.card.name, _with_error(s), percent(s.top1), f"{s.log_loss:.3f}", f"{s.ece:.3f}"))
        rows += [(name, _with_error(b), percent(b.top1), "-", "-") for name, b in self.baselines.items()]
        rows.append(("chance", "50.00", percent(s.chance), f"{math.log(2):.3f}", "-"))
        bins = [("known probability", "pairs", "pairs right, %"), *(_bin(b) for b in s.margins if b.pairs)]
        trust = [("predicted probability", "pairs", "pairs right, %")]
        trust += [_bin(b) for b in s.confidence if b.pairs]
        return [*aligned(rows), "", *aligned(bins), "", *aligned(trust)]


def ranking_evaluation(
    stated: Stated, scores: RankingScores, baselines: Mapping[str, RankingScores], *, labels: str, seconds: float
) -> Evaluation:
    """The evaluation of a ranker; `labels` describes where the labels come from."""
    conditions = RankingConditions(stated=stated, labels=labels, scores=scores)
    return Evaluation((RankingResult(stated.card.tasks[0], conditions, scores, dict(baselines)),), seconds)


def _plain(value: object) -> object:
    if isinstance(value, RankingScores | Bin):
        return {name: _plain(part) for name, part in vars(value).items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_error(scores: RankingScores) -> str:
    return f"{percent(scores.accuracy)} ± {percent(scores.error)}"


def _bin(one: Bin) -> tuple[str, str, str]:
    return f"{one.low:.1f} to {one.high:.1f}", f"{one.pairs:,.10g}", percent(one.true)
