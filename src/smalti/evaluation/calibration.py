"""How far the probabilities of a model's classes can be trusted, and the temperature that mends them.

The temperature (Guo et al., 2017, "On Calibration of Modern Neural Networks") divides the logits of all classes, so
that the map stays the same. The softmax of logits / T is that of log(p) / T: probabilities are enough to find it.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import ClassMap, Floats, Mask
from smalti.card import Task
from smalti.label_sets import IDS, class_groups, set_ids
from smalti.products import LEAST_PROBABILITY

BINS = 15
"""Bins of equal width of the probability of the predicted class, as in the paper."""
COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of the temperature."""
_NONE = 255
"""The group of ids that say nothing."""
_MOST = 1 << 16
"""Pixels that are kept; beyond them every third one."""
_STEP = 7
"""One pixel in so many is kept at first."""
_TRIED = 25
"""Temperatures that are tried before the search around the best one."""
_GOLDEN = (5**0.5 - 1) / 2
_STEPS = 25
"""Steps of the golden-section search."""


@dataclass(frozen=True)
class Calibration:
    """The calibration of one task of classes.

    Labels may allow several classes: what is measured is then how well the groups of classes that the labels tell
    apart are known, such as building and not building. The probability of a group is the sum over its classes.
    """

    error: float
    """Expected calibration error with the temperature of the card."""
    temperature: float
    """The one of the least negative log-likelihood on these pixels."""
    calibrated_error: float
    """Expected calibration error with that temperature, on the same pixels."""
    pixels: int
    """The pixels that it was measured on."""


Ids = NDArray[np.integer]


def fit_temperature(probabilities: Floats, truth: Ids, groups: Ids | None = None) -> float:
    """The temperature of the least negative log-likelihood, between `COLDEST` and `HOTTEST`.

    Args:
        probabilities: (N, K), at least one row; zeros count as 1e-7.
        truth: the true class of each row, or the id of its group, (N).
        groups: the id (0 to K - 1) of each class's group in each row, (N, K); None where each class is its own.
    """
    logs = _logs(probabilities)

    def loss(log_temperature: float) -> float:
        likely = _grouped(_softmax(logs / math.exp(log_temperature)), groups)[np.arange(len(truth)), truth]
        return -float(np.log(likely.clip(LEAST_PROBABILITY, 1)).mean())

    tried = np.linspace(math.log(COLDEST), math.log(HOTTEST), _TRIED)
    best = int(np.argmin([loss(t) for t in tried]))
    low, high = tried[max(best - 1, 0)], tried[min(best + 1, _TRIED - 1)]
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return math.exp((low + high) / 2)


def calibration_error(
    probabilities: Floats, truth: Ids, groups: Ids | None = None, *, temperature: float = 1.0
) -> float:
    """The expected calibration error: the mean, over pixels, of |share that is right - mean probability| of their bin.

    Arguments as in `fit_temperature`; the probability is that of the most probable class or group.
    """
    found = _grouped(_softmax(_logs(probabilities) / temperature), groups)
    sure, right = found.max(axis=1), found.argmax(axis=1) == truth
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=sure - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(truth))


def _logs(probabilities: Floats) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(probabilities, LEAST_PROBABILITY, dtype=np.float64)))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _grouped(probabilities: NDArray[np.float64], groups: Ids | None) -> NDArray[np.float64]:
    """The sum of each group at the place of its id, (N, K)."""
    if groups is None:
        return probabilities
    sums = np.zeros_like(probabilities)
    rows = np.arange(len(sums))
    for k in range(sums.shape[1]):
        sums[rows, groups[:, k]] += probabilities[:, k]
    return sums


@dataclass
class PixelSample:
    """Evenly spread pixels of a dataset, in bounded memory: their probabilities, and which group is the true one."""

    probabilities: list[NDArray[np.float32]] = field(default_factory=list)
    """(N, K) each."""
    truth: list[NDArray[np.uint8]] = field(default_factory=list)
    """(N) each: the id of the true group."""
    groups: list[NDArray[np.uint8]] = field(default_factory=list)
    """(N, K) each: the id of each class's group."""
    step: int = _STEP
    """One pixel in so many is kept."""

    def add(self, probabilities: NDArray[np.float32], truth: NDArray[np.uint8], groups: NDArray[np.uint8]) -> None:
        """Adds pixels (N, K) with their true groups (N), and the group of each class (K)."""
        if len(truth):
            self.probabilities.append(probabilities)
            self.truth.append(truth)
            self.groups.append(np.broadcast_to(groups, probabilities.shape))
        while sum(map(len, self.truth)) > _MOST:
            self._thin()

    def merge(self, other: "PixelSample") -> None:
        """Adds the sample of further images; of all images one pixel in as many is kept then."""
        while other.step < self.step:
            other._thin()
        while self.step < other.step:
            self._thin()
        self.probabilities += other.probabilities
        self.truth += other.truth
        self.groups += other.groups
        while sum(map(len, self.truth)) > _MOST:
            self._thin()

    def _thin(self) -> None:
        """Keeps every third pixel."""
        if self.truth:
            self.probabilities = [np.concatenate(self.probabilities)[::3]]
            self.truth = [np.concatenate(self.truth)[::3]]
            self.groups = [np.concatenate(self.groups)[::3]]
        self.step *= 3

    def calibration(self, temperature: float | None) -> Calibration | None:
        """What was measured, with the card's temperature; None without a pixel."""
        if not self.truth:
            return None
        pixels = np.concatenate(self.probabilities), np.concatenate(self.truth), np.concatenate(self.groups)
        best = fit_temperature(*pixels)
        errors = (calibration_error(*pixels, temperature=t) for t in (temperature or 1.0, best))
        return Calibration(next(errors), best, next(errors), len(pixels[1]))


class ImageSample:
    """Pixels of one image for a sample: chosen when a window is predicted, kept once its labels are read."""

    def __init__(self, sample: PixelSample, width: int, task: Task) -> None:
        """`task` has the sets of the image's labels, which has `width` columns."""
        self._sample, self._width = sample, width
        self._groups = class_groups(task)
        self._group_of = np.full(IDS, _NONE, np.uint8)
        if self._groups.any():  # else the labels tell nothing apart
            self._group_of[: len(task.labels)] = self._groups
            for number, classes in set_ids(task).items():
                self._group_of[number] = self._groups[classes[0]]
        self._step = sample.step
        self._places: list[NDArray[np.intp]] = []
        self._found: list[NDArray[np.float32]] = []

    def predicted(self, row: int, col: int, values: Floats, valid: Mask) -> None:
        """Chooses pixels of a window's probabilities (K, H, W), where they are valid (H, W)."""
        _, height, width = values.shape
        across = np.arange(col, col + width)
        if not self._places:
            self._step = self._sample.step
        places = np.arange(row, row + height)[:, None] * self._width + across  # of the image, H,W
        rows, cols = np.nonzero((places % self._step == 0) & valid)
        self._places.append((rows * self._width + across[cols]).astype(np.intp))  # of the strip
        self._found.append(values[:, rows, cols].T.astype(np.float32))

    def labelled(self, truth: ClassMap) -> None:
        """The labels of the strip (H, W) whose windows came last; unlabelled pixels are left out."""
        groups = self._group_of[truth.ravel()[np.concatenate(self._places)]]
        known = groups != _NONE
        self._sample.add(np.concatenate(self._found)[known], groups[known], self._groups)
        self._places, self._found = [], []
