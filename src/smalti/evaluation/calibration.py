"""How far the probabilities of a model's classes can be trusted, and the temperature that mends them.

The temperature (Guo et al., 2017, "On Calibration of Modern Neural Networks") divides the logits of all classes, so
that the map stays the same. The softmax of logits / T is that of log(p) / T: probabilities are enough to find it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import ClassMap, Floats, Mask
from smalti.products import LEAST_PROBABILITY

BINS = 15
"""Bins of equal width of the probability of the predicted class, as in the paper."""
COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of the temperature."""
_MOST = 1 << 16
"""Pixels that are kept; beyond them every third one."""
_STEP = 7
"""One pixel in so many is kept at first."""
_HALVINGS = 40


@dataclass(frozen=True)
class Calibration:
    """The calibration of one task of classes, from pixels whose label is one class."""

    error: float
    """Expected calibration error with the temperature of the card."""
    temperature: float
    """The one of the least negative log-likelihood on these pixels."""
    calibrated_error: float
    """Expected calibration error with that temperature, on the same pixels."""
    pixels: int
    """The pixels that it was measured on."""


def fit_temperature(probabilities: Floats, classes: NDArray[np.integer]) -> float:
    """The temperature of the least negative log-likelihood, between `COLDEST` and `HOTTEST`.

    Args:
        probabilities: (N, K), at least one row; zeros count as 1e-7.
        classes: the true class of each row, (N).
    """
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY, dtype=np.float64))  # N,K
    true = logs[np.arange(len(classes)), classes].mean()
    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(_HALVINGS):  # the slope grows with 1 / T, for the likelihood is concave in it
        middle = (low * high) ** 0.5
        slope = (_softmax(logs * middle) * logs).sum(axis=1).mean() - true
        low, high = (low, middle) if slope > 0 else (middle, high)
    return float(1 / (low * high) ** 0.5)


def calibration_error(probabilities: Floats, classes: NDArray[np.integer], temperature: float = 1.0) -> float:
    """The expected calibration error: the mean, over pixels, of |share that is right - mean probability| of their bin.

    Arguments as in `fit_temperature`; the probability is that of the predicted class.
    """
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY, dtype=np.float64))
    sure = _softmax(logs / temperature).max(axis=1)
    right = probabilities.argmax(axis=1) == classes
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=sure - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(classes))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass
class PixelSample:
    """Evenly spread pixels of a dataset, in bounded memory: their probabilities and their true classes."""

    probabilities: list[NDArray[np.float32]] = field(default_factory=list)
    """(N, K) each."""
    classes: list[NDArray[np.uint8]] = field(default_factory=list)
    """(N) each."""
    step: int = _STEP
    """One pixel in so many is kept."""

    def add(self, probabilities: NDArray[np.float32], classes: NDArray[np.uint8]) -> None:
        """Adds pixels (N, K) with their classes (N)."""
        if len(classes):
            self.probabilities.append(probabilities)
            self.classes.append(classes)
        while sum(map(len, self.classes)) > _MOST:
            self.probabilities = [np.concatenate(self.probabilities)[::3]]
            self.classes = [np.concatenate(self.classes)[::3]]
            self.step *= 3

    def calibration(self, temperature: float | None) -> Calibration | None:
        """What was measured, with the card's temperature; None without a pixel."""
        if not self.classes:
            return None
        p, y = np.concatenate(self.probabilities), np.concatenate(self.classes)
        best = fit_temperature(p, y)
        return Calibration(calibration_error(p, y, temperature or 1.0), best, calibration_error(p, y, best), len(y))


class ImageSample:
    """Pixels of one image for a sample: chosen when a window is predicted, kept once its labels are read."""

    def __init__(self, sample: PixelSample, width: int, classes: int) -> None:
        self._sample, self._width, self._classes = sample, width, classes
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
        """The labels of the strip (H, W) whose windows came last; those that are not one class are left out."""
        labels = truth.ravel()[np.concatenate(self._places)]
        known = labels < self._classes
        self._sample.add(np.concatenate(self._found)[known], labels[known].astype(np.uint8))
        self._places, self._found = [], []
