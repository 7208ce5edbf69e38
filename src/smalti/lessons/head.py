"""The head: the parent's logits plus a linear function of the features, learned by Newton's method in milliseconds.

Multinomial logistic regression with the parent's logits as offset, so that the L2 penalty draws towards the parent, the
intercept included. Features, and colours for themselves, are reduced to their main components on the scene, whose scale
is flattened by a fourth root: plain components leave most weight to few of them, whitened ones to noise.
"""

from dataclasses import dataclass

import numpy as np

from smalti.arrays import Doubles, Floats, Mask

COMPONENTS = 64
"""Main components of the features that are learned on."""
_FLATTEN = 0.25
_LOGITS, _COLOURS, BIAS = 0.3, 0.7, 0.5
"""Scale of the parent's logits, colours and the constant beside that of features: how freely they are weighted."""
_LEAST_SPREAD = 1e-3
_ROUNDS = 3
"""Of the search for the main components."""
_REFITS = 8
"""Steps for each fold of a cross-validation."""
_STEPS, _DONE = 12, 1e-4
"""Steps of Newton's method at most, and the relative gain from which on it has converged."""


@dataclass(frozen=True, eq=False)
class Basis:
    """What features and logits become before they are learned on."""

    mean: Doubles
    """F + K."""
    factors: Doubles
    """F + K, D."""

    def __call__(self, features: Floats, logits: Floats) -> Doubles:
        """From N,F and N,K to N,D + 1, whose last column is constant."""
        both = np.concatenate([features, logits], axis=1) - self.mean
        return np.concatenate([both @ self.factors, np.full((len(both), 1), BIAS)], axis=1)

    def unfolded(self, weights: Doubles) -> tuple[Doubles, Doubles]:
        """Weights D + 1,J as those of the features and logits themselves, F + K,J, and the constant J."""
        plain = self.factors @ weights[:-1]
        return plain, BIAS * weights[-1] - self.mean @ plain


def find_basis(features: Floats, logits: Floats, colours: int) -> Basis:
    """The basis for cells like these, N,F and N,K, drawn from whole scenes; so many last columns are `colours`."""
    values = features.astype(np.float64)
    mean, spread = values.mean(axis=0), values.std(axis=0) + _LEAST_SPREAD
    values = (values - mean) / spread
    maps, own = values.shape[1] - colours, logits.astype(np.float64)
    parts = [_flattened(values[:, :maps]) / spread[:maps, None],
             _COLOURS * _flattened(values[:, maps:]) / spread[maps:, None],
             np.diag(_LOGITS / (own.std(axis=0) + _LEAST_SPREAD))]  # fmt: skip
    factors = np.zeros((sum(len(part) for part in parts), sum(part.shape[1] for part in parts)))
    row = col = 0
    for part in parts:
        factors[row : row + len(part), col : col + part.shape[1]] = part
        row, col = row + len(part), col + part.shape[1]
    return Basis(np.concatenate([mean, own.mean(axis=0)]), factors)


def _flattened(values: Doubles) -> Doubles:
    """Directions F,C of the main components, scaled so that inputs have a mean square of 1 in all."""
    power, axes = _main_axes(values)
    power = np.maximum(power, 1e-9)
    scaled: Doubles = axes * power**-_FLATTEN / (np.sqrt((power ** (1 - 2 * _FLATTEN)).sum()) or 1.0)
    return scaled


def _main_axes(values: Doubles) -> tuple[Doubles, Doubles]:
    """Powers and directions F,C of the main components of values N,F, the strongest first.

    By subspace iteration (Halko et al., 2011), ten times faster than all components.
    """
    count = min(COMPONENTS, values.shape[1])
    width = min(count + 16, values.shape[1])
    axes = np.random.default_rng(0).normal(size=(values.shape[1], width))
    for _ in range(_ROUNDS):
        axes, _r = np.linalg.qr(values.T @ (values @ axes))
    power, turn = np.linalg.eigh((values @ axes).T @ (values @ axes) / len(values))
    return power[::-1][:count], (axes @ turn[:, ::-1])[:, :count]


@dataclass(frozen=True, eq=False)
class Points:
    """What is learned from."""

    inputs: Doubles
    """N,D."""
    offsets: Doubles
    """N,J: what the parent says, as logits."""
    targets: Doubles
    """N,J: probabilities."""
    weights: Doubles
    """N."""

    def chosen(self, which: Mask) -> "Points":
        """Some of them."""
        return Points(self.inputs[which], self.offsets[which], self.targets[which], self.weights[which])


def probabilities(logits: Doubles) -> Doubles:
    """The softmax of logits N,J."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Doubles = powers / powers.sum(axis=1, keepdims=True)
    return found


def fit(points: Points, penalty: float, start: Doubles | None = None) -> Doubles:
    """The weights D,J that minimize the weighted cross-entropy plus half the penalty times their squares."""
    size = (points.inputs.shape[1], points.offsets.shape[1])
    weights = np.zeros(size) if start is None else start
    loss = _loss(points, weights, penalty)
    for _ in range(_STEPS):
        step = _newton(points, weights, penalty)
        length = 1.0
        while (found := _loss(points, weights - length * step, penalty)) > loss and length > 1e-3:
            length /= 2
        gain, loss = loss - found, min(found, loss)
        if gain <= 0:
            break
        weights = weights - length * step
        if gain < _DONE * abs(loss):
            break
    return weights


def _loss(points: Points, weights: Doubles, penalty: float) -> float:
    logits = points.inputs @ weights + points.offsets
    most = logits.max(axis=1)
    total = most + np.log(np.exp(logits - most[:, None]).sum(axis=1))
    entropy = points.weights @ (total - (points.targets * logits).sum(axis=1))
    return float(entropy + penalty / 2 * (weights**2).sum())


def refit(points: Points, penalty: float, start: Doubles, inverse: Doubles) -> Doubles:
    """The weights for some of the points of a fit, whose weights are `start` and whose curvature has this inverse.

    That of some of the points is smaller, so these steps never go too far, and they need no curvature of their own.
    """
    weights = start
    for _ in range(_REFITS):
        step = inverse @ _slope(points, weights, penalty).T.ravel()
        weights = weights - step.reshape(weights.shape[1], -1).T
    return weights


def _slope(points: Points, weights: Doubles, penalty: float) -> Doubles:
    found = probabilities(points.inputs @ weights + points.offsets)
    slope: Doubles = points.inputs.T @ (points.weights[:, None] * (found - points.targets)) + penalty * weights
    return slope


def _newton(points: Points, weights: Doubles, penalty: float) -> Doubles:
    """The step D,J of Newton's method."""
    step = np.linalg.solve(curvature(points, weights, penalty), _slope(points, weights, penalty).T.ravel())
    return np.asarray(step.reshape(weights.shape[1], -1).T, np.float64)


def curvature(points: Points, weights: Doubles, penalty: float) -> Doubles:
    """The second derivatives J D,J D of the loss."""
    inputs, (size, classes) = points.inputs, weights.shape
    found = probabilities(inputs @ weights + points.offsets)
    curve = np.empty((classes, size, classes, size))
    for one in range(classes):
        for other in range(one + 1):
            factor = points.weights * found[:, one] * (float(one == other) - found[:, other])
            block = (inputs * factor[:, None]).T @ inputs
            curve[one, :, other], curve[other, :, one] = block, block.T
    whole = curve.reshape(classes * size, classes * size)
    whole[np.diag_indices_from(whole)] += penalty
    return whole
