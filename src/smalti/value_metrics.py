"""Scores of values per pixel (heights, depths), from sums pooled over a whole dataset; never means of means.

The measures are those of Eigen et al., "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network",
NeurIPS 2014. Relative and logarithmic errors are meaningless near 0, so they, and the deltas, are computed only
where the ground truth is at least a threshold, which is stated with them; by default, where it is above 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats

CHUNK = 1 << 20
"""Pixels counted at once, in float64."""
LEAST = 1e-3
"""Predictions below this are clipped to it before logarithms."""
RATIO = 1.25
"""Delta k is the share of pixels whose prediction is off by less than a factor RATIO ** k."""

PIXELS, ABS, SQUARE, NEAR, REL, SQ_REL, LOG10, SQ_LOG, DELTA1, DELTA2, DELTA3, IGNORED = range(12)


@dataclass(frozen=True)
class ValueScores:
    """The scores; NaN where nothing was counted. abs, rmse and sq_rel have the unit of the values, the others none."""

    abs: float
    """Mean absolute error."""
    rel: float
    """Mean of |error| / ground truth."""
    sq_rel: float
    """Mean of error² / ground truth."""
    log10: float
    """Mean absolute difference of the logarithms to base 10."""
    rmse: float
    rmse_log: float
    """Root of the mean squared difference of the natural logarithms."""
    delta1: float
    """Share of pixels with max(prediction / truth, truth / prediction) below 1.25; a prediction up to 0 is wrong."""
    delta2: float
    """The same below 1.25²."""
    delta3: float
    """The same below 1.25³."""
    pixels: int
    """Pixels counted in abs and rmse."""
    above: float
    """The smallest ground truth for the other measures; 0 if it must be above 0."""
    pixels_above: int
    """Pixels counted in the other measures."""


class ValueCounts:
    """Sums over a dataset. `counts` (float64, 12 numbers) may be added to those of other images or processes."""

    def __init__(self, above: float = 0.0) -> None:
        self.above = above
        self.counts: NDArray[np.float64] = np.zeros(IGNORED + 1)

    def add(self, truth: Floats, prediction: Floats) -> None:
        """Adds two maps of the same shape; pixels that are not finite in either are skipped.

        Raises ValueError for different shapes.
        """
        if truth.shape != prediction.shape:
            raise ValueError(f"truth is {truth.shape} but the prediction {prediction.shape}")
        flat_truth, flat_prediction = truth.reshape(-1), prediction.reshape(-1)
        for start in range(0, flat_truth.size, CHUNK):
            part = slice(start, start + CHUNK)
            self._add_chunk(flat_truth[part], flat_prediction[part])

    def _add_chunk(self, truth: Floats, prediction: Floats) -> None:
        valid = np.isfinite(truth) & np.isfinite(prediction)
        t, a = truth[valid].astype(np.float64), prediction[valid].astype(np.float64)
        error = np.abs(a - t)
        self.counts[[PIXELS, ABS, SQUARE, IGNORED]] += t.size, error.sum(), (error**2).sum(), truth.size - t.size
        near = (t >= self.above) & (t > 0)
        t, a, error = t[near], a[near], error[near]
        logs = np.log(np.maximum(a, LEAST)) - np.log(t)
        less, more = np.minimum(a, t), np.maximum(a, t)  # less <= 0 makes every comparison below false
        self.counts[NEAR] += t.size
        self.counts[[REL, SQ_REL]] += (error / t).sum(), (error**2 / t).sum()
        self.counts[[LOG10, SQ_LOG]] += np.abs(logs).sum() / np.log(10), (logs**2).sum()
        self.counts[DELTA1 : DELTA3 + 1] += [np.count_nonzero(more < RATIO**k * less) for k in (1, 2, 3)]

    def merge(self, other: "ValueCounts") -> None:
        """Adds the sums of another object; ValueError unless it has the same threshold."""
        if other.above != self.above:
            raise ValueError(f"sums above {other.above} and above {self.above} cannot be added")
        self.counts += other.counts

    def scores(self) -> ValueScores:
        """The scores."""
        pixels, near = self.counts[PIXELS], self.counts[NEAR]
        over_all = self.counts / (pixels or np.nan)
        over_near = self.counts / (near or np.nan)
        return ValueScores(
            abs=float(over_all[ABS]),
            rel=float(over_near[REL]),
            sq_rel=float(over_near[SQ_REL]),
            log10=float(over_near[LOG10]),
            rmse=float(np.sqrt(over_all[SQUARE])),
            rmse_log=float(np.sqrt(over_near[SQ_LOG])),
            delta1=float(over_near[DELTA1]),
            delta2=float(over_near[DELTA2]),
            delta3=float(over_near[DELTA3]),
            pixels=int(pixels),
            above=self.above,
            pixels_above=int(near),
        )
