"""A lesson: the head that strokes teach, how strong its prior is, and how good it is by cross-validation.

Strokes that a user draws lie where the map is wrong. So they say little about the rest of the scene, which a head
learned from them alone would spoil. Other cells of the scene therefore take part with what the parent says of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles, Floats
from smalti.lessons.classes import ClassPlan
from smalti.lessons.examples import Samples
from smalti.lessons.head import Basis, Points, curvature, find_basis, fit, probabilities, refit

PENALTIES = (32.0, 8.0, 2.0, 0.5)
"""Strengths of the prior that are tried, from the strongest."""
PENALTIES_OF_NEW = (0.2, 0.1, 0.05)
"""Further ones where a class is new: there is no parent to stay close to."""
HELD = 10.0
"""Weight of all other cells together, as a multiple of that of all strokes."""
_NEVER = -30.0
"""Logit of a new class at other cells: the parent does not say where it is, so it takes no part there."""
_OTHERS = 1200
"""Other cells that take part in a lesson."""
_FOLDS = 5
FEWEST = 5
"""Strokes, or places, below which a score says too little."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """The cells of all strokes, N in S strokes."""

    samples: Samples
    stroke: NDArray[np.intp]
    """N: the stroke of each cell."""
    labels: NDArray[np.intp]
    """S: the class of each stroke."""
    places: NDArray[np.intp]
    """S: the place (a tile of a scene) of each stroke."""


@dataclass(frozen=True, slots=True)
class Validated:
    """The share of strokes, held out, that are mapped right: a mean over classes, of the model and of its parent."""

    by: str
    score: float
    parent: float
    spread: float
    """Standard error of the difference of both."""
    groups: int
    """Strokes, or places."""

    @property
    def says_little(self) -> bool:
        """Whether there are too few groups, or the spread is larger than the difference."""
        return self.groups < FEWEST or abs(self.score - self.parent) < self.spread

    def __str__(self) -> str:
        gain = f"{100 * self.score:.0f} % right, the model as it was {100 * self.parent:.0f} %"
        doubt = " (too little to say)" if self.says_little else ""
        return f"{self.groups} {self.by}s held out: {gain}, ±{100 * self.spread:.0f}{doubt}"


@dataclass(frozen=True, eq=False)
class Lesson:
    """What was learned."""

    plan: ClassPlan
    basis: Basis
    weights: Doubles
    """D,J; zeros where the model is better as it is."""
    penalty: float | None
    """Strength of the prior; None where nothing was learned."""
    by_stroke: Validated
    by_place: Validated

    def changed(self, others: Samples) -> float:
        """The share of cells whose class is another than the parent's."""
        before = self.plan.offsets(others.logits).argmax(axis=1)
        return float((self.logits(others.features, others.logits).argmax(axis=1) != before).mean())

    def logits(self, features: Floats, logits: Floats) -> Doubles:
        """Logits N,J of the taught model, from features N,F and the parent's logits N,K."""
        found: Doubles = self.basis(features, logits) @ self.weights + self.plan.offsets(logits)
        return found


def learn(strokes: Strokes, others: Samples, plan: ClassPlan) -> Lesson:
    """Learns from strokes, held to the parent at other cells, at least two of them."""
    others = _some(others)
    basis = find_basis(others.features, others.logits)
    points = _points(strokes, others, plan, basis)
    groups = _groups(np.arange(len(strokes.labels)))
    penalties = (*PENALTIES, *(PENALTIES_OF_NEW if plan.new.any() else ()))
    tried = [(penalty, _cross(points, strokes, groups, penalty)) for penalty in penalties]
    parent = _rights(points.offsets[: len(strokes.stroke)], strokes)
    best, (rights, saved) = max(tried, key=lambda each: _over_classes(each[1][1], strokes.labels))
    by_stroke = _validated("stroke", rights, parent, strokes, np.arange(len(strokes.labels)))
    places = _groups(strokes.places)
    held = _cross(points, strokes, places, best)[0] if places.max() else parent
    by_place = _validated("place", held, parent, strokes, strokes.places)
    if by_stroke.parent == 1 or _over_classes(saved, strokes.labels) <= 0:
        nothing = np.zeros((points.inputs.shape[1], points.offsets.shape[1]))
        return Lesson(plan, basis, nothing, None, by_stroke, by_place)
    return Lesson(plan, basis, fit(points, best), best, by_stroke, by_place)


def _some(others: Samples) -> Samples:
    if len(others) <= _OTHERS:
        return others
    return others.chosen(np.random.default_rng(0).choice(len(others), _OTHERS, replace=False))


def _points(strokes: Strokes, others: Samples, plan: ClassPlan, basis: Basis) -> Points:
    """The cells of strokes, then the others."""
    parts = (strokes.samples, others)
    offsets = [plan.offsets(part.logits).astype(np.float64) for part in parts]
    offsets[1][:, plan.new] = _NEVER
    targets = [np.eye(len(plan.shares))[strokes.labels[strokes.stroke]], probabilities(offsets[1])]
    own = stroke_weights(strokes)
    held = np.full(len(others), HELD * len(strokes.labels) / max(1, len(others)))
    inputs = [basis(part.features, part.logits) for part in parts]
    return Points(*map(np.concatenate, (inputs, offsets, targets, [own, held])))


def stroke_weights(strokes: Strokes) -> Doubles:
    """The weight of each cell: strokes count by the root of their area, classes alike, and all together as strokes."""
    cells = np.bincount(strokes.stroke, minlength=len(strokes.labels)).astype(float)
    each = np.sqrt(cells)
    totals = np.bincount(strokes.labels, each)
    each /= np.maximum(totals[strokes.labels], 1e-12)
    each *= len(each) / each.sum()
    found: Doubles = (each / np.maximum(cells, 1))[strokes.stroke]
    return found


def _groups(of: NDArray[np.intp]) -> NDArray[np.intp]:
    """The fold of each stroke, from what it belongs to."""
    names, found = np.unique(of, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(names))
    folds: NDArray[np.intp] = (order % min(_FOLDS, len(names)))[found]
    return folds


def _cross(points: Points, strokes: Strokes, folds: NDArray[np.intp], penalty: float) -> tuple[Doubles, Doubles]:
    """For each stroke, while it is held out: the share of its cells that are right, and the entropy saved by it."""
    count = len(strokes.stroke)
    found = points.offsets[:count].copy()
    start = fit(points, penalty)
    inverse = np.asarray(np.linalg.inv(curvature(points, start, penalty)), np.float64)
    for fold in range(int(folds.max()) + 1 if folds.max() else 0):
        out = folds[strokes.stroke] == fold
        used = np.concatenate([~out, np.ones(len(points.weights) - count, bool)])
        found[out] += points.inputs[:count][out] @ refit(points.chosen(used), penalty, start, inverse)
    labels = strokes.labels[strokes.stroke]
    saved = [np.log(probabilities(each)[np.arange(count), labels] + 1e-3) for each in (found, points.offsets[:count])]
    return _rights(found, strokes), _per_stroke(saved[0] - saved[1], strokes)


def _rights(logits: Doubles, strokes: Strokes) -> Doubles:
    return _per_stroke((logits.argmax(axis=1) == strokes.labels[strokes.stroke]).astype(float), strokes)


def _per_stroke(values: Doubles, strokes: Strokes) -> Doubles:
    """The mean over the cells of each stroke."""
    size = len(strokes.labels)
    return np.bincount(strokes.stroke, values, size) / np.maximum(np.bincount(strokes.stroke, minlength=size), 1)


def _over_classes(values: Doubles, labels: NDArray[np.intp]) -> float:
    """The mean over classes of means over strokes."""
    return float(np.mean([values[labels == label].mean() for label in np.unique(labels)]))


def _validated(by: str, found: Doubles, parent: Doubles, strokes: Strokes, groups: NDArray[np.intp]) -> Validated:
    names, member = np.unique(groups, return_inverse=True)
    gains = np.bincount(member, found - parent) / np.bincount(member)
    spread = float(gains.std(ddof=1) / np.sqrt(len(names))) if len(names) > 1 else 1.0
    scores: Sequence[float] = [_over_classes(each, strokes.labels) for each in (found, parent)]
    return Validated(by, scores[0], scores[1], spread, len(names))
