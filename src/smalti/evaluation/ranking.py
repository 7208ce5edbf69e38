"""How good a ranking of photos is, and under which protocol: pairs, best of series, how far the chances can be trusted.

A model may give any logit for each ordered pair; scores are the special case of differences. Each pair is asked both
ways, and each answer counts half: else a model that likes what stands first is right where the better one stands there.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from smalti.card import Score
from smalti.text import aligned, count, percent

Floats = NDArray[np.floating]

MARGINS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bounds of the bins of how sure people (or measures) are."""
CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bounds of the bins of how sure the model is."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One series: what is known, and what a model says."""

    name: str
    preferences: tuple[tuple[int, int, float], ...]
    """Photo a, photo b, the chance that a is better."""
    best: int | None
    """The photo that beats every other one, if it is known."""
    logits: Floats
    """photos,photos: of P(row is better than column)."""


def by_scores(scores: Sequence[float] | Floats) -> Floats:
    """The logits photos,photos that scores stand for."""
    values = np.asarray(scores, np.float64)
    return values[:, None] - values[None]


@dataclass(frozen=True)
class Bin:
    """Pairs that are alike in how sure somebody is."""

    low: float
    high: float
    pairs: float
    """Halves where the answers to the same pair lie in two bins."""
    said: float
    """Mean chance said by the model for its favourite; NaN without pairs."""
    true: float
    """How often (or with what known chance) the favourite is the better one."""


@dataclass(frozen=True)
class RankingScores:
    """What was counted. Pairs with a known chance of exactly one half have no better photo and count in none."""

    series: int
    pairs: int
    accuracy: float
    error: float
    """Standard error of the accuracy; pairs of a series are not independent, so it is taken over series."""
    top1: float
    """Share of the series with a known best photo whose best was chosen."""
    top1_series: int
    chance: float
    """What guessing gives for `top1`."""
    log_loss: float
    """Mean cross-entropy against the known chances, natural logarithm."""
    least_log_loss: float
    """Their own entropy: no model can have less."""
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
    favoured = np.where(logits >= 0, known, 1 - known)  # known chance of the model's favourite
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


def _pick(logits: Floats) -> int:
    """The photo that wins most, asked both ways."""
    return int(np.argmax(logits.sum(1) - logits.sum(0)))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _clustered(residuals: Floats, owner: NDArray[np.int_], series: int) -> float:
    if not len(residuals):
        return math.nan
    sums = np.bincount(owner, residuals, series)
    return float(np.sqrt((sums**2).sum()) / len(residuals))


def _entropy(chance: Floats) -> Floats:
    inside = np.clip(chance, 1e-12, 1 - 1e-12)
    entropy: Floats = -(inside * np.log(inside) + (1 - inside) * np.log1p(-inside))
    return entropy


def _bins(by: Floats, bounds: Sequence[float], said: Floats, true: Floats) -> tuple[Bin, ...]:
    found = []
    for low, high in pairwise(bounds):
        mine = (by >= low) & ((by < high) | (high == bounds[-1]))
        found.append(Bin(low, high, float(mine.sum()) / 2, _mean(said[mine]), _mean(true[mine])))
    return tuple(found)


@dataclass(frozen=True)
class RankingEvaluation:
    """A model's scores, those of plain measures on the same pairs, and the protocol."""

    model: str
    scores: RankingScores
    baselines: dict[str, RankingScores]
    data: str
    split: str
    labels: str
    chosen: str

    def lines(self) -> list[tuple[str, str]]:
        """The protocol as (what, text)."""
        s = self.scores
        return [
            ("data", f"{self.data}, {s.series} series, {count(s.pairs, 'pair')} with a better photo"),
            ("split", self.split),
            ("labels", self.labels),
            (
                "accuracy",
                "each pair is asked both ways, each answer counts half; its error is taken over series",
            ),
            ("best of series", f"over the {s.top1_series} series whose best photo is known"),
            ("checkpoint", f"{self.model}; chosen by: {self.chosen}"),
        ]

    def card_scores(self) -> tuple[Score, ...]:
        """The main numbers as a card keeps them, each with the protocol."""
        protocol = "; ".join(f"{what}: {text}" for what, text in self.lines())
        s = self.scores
        figures = [("pair accuracy", s.accuracy), ("standard error of the pair accuracy", s.error)]
        figures += [("best of series", s.top1), ("best of series by chance", s.chance)]
        figures += [("log-loss", s.log_loss), ("calibration error", s.ece)]
        figures += [(f"pair accuracy of {name}", one.accuracy) for name, one in self.baselines.items()]
        return tuple(Score(name=k, value=round(v, 4), protocol=protocol) for k, v in figures if math.isfinite(v))

    def to_json(self) -> str:
        """All of it as JSON; what is not defined is null."""
        whole = {
            "model": self.model,
            "scores": [score.model_dump() for score in self.card_scores()],
            "protocol": dict(self.lines()),
            "ranking": _plain(self.scores),
            "baselines": {name: _plain(scores) for name, scores in self.baselines.items()},
        }
        return json.dumps(whole, indent=2, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, RankingScores | Bin):
        return {name: _plain(part) for name, part in vars(value).items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def ranking_table(evaluation: RankingEvaluation) -> str:
    """The model beside plain measures, its bins, and the protocol, as aligned text."""
    s = evaluation.scores
    rows = [("", "pairs right, %", "best of series, %", "log-loss", "calibration error")]
    rows.append((evaluation.model, _with_error(s), percent(s.top1), f"{s.log_loss:.3f}", f"{s.ece:.3f}"))
    rows += [(name, _with_error(b), percent(b.top1), "-", "-") for name, b in evaluation.baselines.items()]
    rows.append(("chance", "50.00", percent(s.chance), f"{math.log(2):.3f}", "-"))
    bins = [("known chance", "pairs", "pairs right, %"), *(_bin(b) for b in s.margins if b.pairs)]
    trust = [("the model is sure by", "pairs", "and is right by, %")]
    trust += [_bin(b) for b in s.confidence if b.pairs]
    facts = evaluation.lines()
    width = max(len(what) for what, _ in facts)
    protocol = ["protocol", *(f"  {what:<{width}}  {text}" for what, text in facts)]
    return "\n".join([*aligned(rows), "", *aligned(bins), "", *aligned(trust), "", *protocol])


def _with_error(scores: RankingScores) -> str:
    return f"{percent(scores.accuracy)} ± {percent(scores.error)}"


def _bin(one: Bin) -> tuple[str, str, str]:
    return f"{one.low:.1f} to {one.high:.1f}", f"{one.pairs:,.10g}", percent(one.true)
