"""A lesson: the head that strokes teach, how strong its prior is, and how good it is by cross-validation.

Strokes that a user draws lie where the map is wrong. So they say little about the rest of the scene, which a head
learned from them alone would spoil. Other cells of the scene therefore take part with what the parent says of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles, Floats, Mask
from smalti.lessons.balance import balance
from smalti.lessons.classes import ClassPlan
from smalti.lessons.examples import Samples
from smalti.lessons.head import BIAS, Basis, Points, curvature, find_basis, fit, probabilities, refit
from smalti.text import count

PENALTY = 1.0
"""Strength of the prior."""
PENALTIES_OF_NEW = (0.2, 0.1, 0.05)
"""Others that are tried where a class is new: there is no parent to stay close to."""
HELD, HELD_OF_NEW = 60.0, 30.0
"""Weight of all other cells together, as a multiple of the root of the number of strokes, each of which weighs 1; and
where a class is new.
"""
TRUST = 0.15
"""What the parent's logits are multiplied by: it is far too sure at places that it has never seen."""
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

    def chosen(self, which: Mask) -> "Strokes":
        """Some of the strokes, S."""
        cells = which[self.stroke]
        number = np.cumsum(which) - 1
        return Strokes(self.samples.chosen(cells), number[self.stroke[cells]], self.labels[which], self.places[which])


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
        return f"{count(self.groups, self.by)} held out: {gain}, ±{100 * self.spread:.0f}{doubt}"


@dataclass(frozen=True, slots=True)
class DeepScore:
    """How good a deep lesson is: the share that is right of strokes held out, a mean over classes."""

    score: float
    quick: float
    """Of the quick lesson, from which the same strokes were held out."""
    spread: float
    """Standard error of the difference of both."""
    strokes: int
    """Held out: a fifth."""

    @property
    def kept(self) -> bool:
        """Whether the deep lesson is better beyond the spread, and is what the model file holds."""
        return self.score - self.quick > self.spread

    def __str__(self) -> str:
        found = f"deep lesson: {100 * self.score:.0f} % right of {count(self.strokes, 'stroke')} held out, "
        found += f"the quick one {100 * self.quick:.0f} %, ±{100 * self.spread:.0f}"
        return found if self.kept else f"{found}\nthe deep lesson is no better: the model is that of the quick one"


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
    scales: Doubles
    """J: factors of the parent's logits."""

    def changed(self, others: Samples) -> float:
        """The share of cells whose class is another than the parent's."""
        before = self.plan.offsets(others.logits).argmax(axis=1)
        return float((self.logits(others.features, others.logits).argmax(axis=1) != before).mean())

    def logits(self, features: Floats, logits: Floats) -> Doubles:
        """Logits N,J of the taught model, from features N,F and the parent's logits N,K."""
        found: Doubles = self.basis(features, logits) @ self.weights + self.scales * self.plan.offsets(logits)
        return found


def learn(strokes: Strokes, others: Samples, plan: ClassPlan, colours: int) -> Lesson:
    """Learns from strokes, held to the parent at other cells, at least two of them.

    The last columns of the features, as many as `colours`, are those of the image itself.
    """
    some = _some(others)
    basis = find_basis(some.features, some.logits, colours)
    scales = np.where(plan.new, 1.0, TRUST)
    points = _points(strokes, some, plan, basis, scales)
    groups = _groups(np.arange(len(strokes.labels)))
    before = plan.offsets(strokes.samples.logits).astype(np.float64)
    fits = [_fitted(points, penalty) for penalty in (PENALTY, *(PENALTIES_OF_NEW if plan.new.any() else ()))]
    tried = [(each, _cross(points, before, strokes, groups, each)) for each in fits]
    parent = _rights(before, strokes)
    best, (rights, saved) = max(tried, key=lambda each: over_classes(each[1][1], strokes.labels))
    by_stroke = _validated("stroke", rights, parent, strokes, np.arange(len(strokes.labels)))
    places = _groups(strokes.places)
    held = _cross(points, before, strokes, places, best)[0] if places.max() else parent
    by_place = _validated("place", held, parent, strokes, strokes.places)
    worse = by_stroke.parent == 1 or by_stroke.score < by_stroke.parent
    if worse or over_classes(saved, strokes.labels) <= 0:
        nothing = np.zeros_like(best.weights)
        return Lesson(plan, basis, nothing, None, by_stroke, by_place, np.ones(len(scales)))
    weights = best.weights.copy()
    found = basis(some.features, some.logits) @ weights + scales * plan.offsets(some.logits)
    weights[-1] += balance(found, ~plan.new) / BIAS
    return Lesson(plan, basis, weights, best.penalty, by_stroke, by_place, scales)


def _some(others: Samples) -> Samples:
    if len(others) <= _OTHERS:
        return others
    return others.chosen(np.random.default_rng(0).choice(len(others), _OTHERS, replace=False))


def _points(strokes: Strokes, others: Samples, plan: ClassPlan, basis: Basis, scales: Doubles) -> Points:
    """The cells of strokes, then the others."""
    parts = (strokes.samples, others)
    plain = [plan.offsets(part.logits).astype(np.float64) for part in parts]
    plain[1][:, plan.new] = _NEVER
    targets = [np.eye(len(plan.shares))[strokes.labels[strokes.stroke]], probabilities(plain[1])]
    offsets = [each * scales for each in plain]
    own = stroke_weights(strokes)
    total = HELD_OF_NEW if plan.new.any() else HELD
    held = np.full(len(others), total * np.sqrt(len(strokes.labels)) / max(1, len(others)))
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


@dataclass(frozen=True, eq=False)
class _Fit:
    """What all strokes teach."""

    penalty: float
    weights: Doubles
    inverse: Doubles
    """Of the curvature."""


def _fitted(points: Points, penalty: float) -> _Fit:
    weights = fit(points, penalty)
    return _Fit(penalty, weights, np.asarray(np.linalg.inv(curvature(points, weights, penalty)), np.float64))


def _cross(
    points: Points, before: Doubles, strokes: Strokes, folds: NDArray[np.intp], whole: _Fit
) -> tuple[Doubles, Doubles]:
    """For each stroke, while it is held out: the share of its cells that are right, and the entropy saved by it.

    `before` are the parent's logits N,J.
    """
    count = len(strokes.stroke)
    found = points.offsets[:count].copy()
    for fold in range(int(folds.max()) + 1 if folds.max() else 0):
        out = folds[strokes.stroke] == fold
        used = np.concatenate([~out, np.ones(len(points.weights) - count, bool)])
        found[out] += points.inputs[:count][out] @ refit(
            points.chosen(used), whole.penalty, whole.weights, whole.inverse
        )
    labels = strokes.labels[strokes.stroke]
    saved = [np.log(probabilities(each)[np.arange(count), labels] + 1e-3) for each in (found, before)]
    return _rights(found, strokes), _per_stroke(saved[0] - saved[1], strokes)


def _rights(logits: Doubles, strokes: Strokes) -> Doubles:
    return _per_stroke((logits.argmax(axis=1) == strokes.labels[strokes.stroke]).astype(float), strokes)


def _per_stroke(values: Doubles, strokes: Strokes) -> Doubles:
    """The mean over the cells of each stroke."""
    size = len(strokes.labels)
    return np.bincount(strokes.stroke, values, size) / np.maximum(np.bincount(strokes.stroke, minlength=size), 1)


def over_classes(values: Doubles, labels: NDArray[np.intp]) -> float:
    """The mean over classes of means over strokes."""
    return float(np.mean([values[labels == label].mean() for label in np.unique(labels)]))


def _validated(by: str, found: Doubles, parent: Doubles, strokes: Strokes, groups: NDArray[np.intp]) -> Validated:
    names, member = np.unique(groups, return_inverse=True)
    gains = np.bincount(member, found - parent) / np.bincount(member)
    spread = float(gains.std(ddof=1) / np.sqrt(len(names))) if len(names) > 1 else 1.0
    scores: Sequence[float] = [over_classes(each, strokes.labels) for each in (found, parent)]
    return Validated(by, scores[0], scores[1], spread, len(names))
