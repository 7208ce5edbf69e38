"""Minimum, maximum, mean and standard deviation of values that come strip by strip, under GDAL's names."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class Statistics:
    """Of all known values so far; the deviation is that of the whole, not of a sample."""

    count: int = 0
    least: float = float("inf")
    most: float = float("-inf")
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: NDArray[np.float32]) -> None:
        """Adds values of any shape; NaN is unknown."""
        known = values[np.isfinite(values)].astype(np.float64)
        if known.size:
            self.count += known.size
            self.least, self.most = min(self.least, float(known.min())), max(self.most, float(known.max()))
            self.total += float(known.sum())
            self.squares += float((known**2).sum())

    @property
    def mean(self) -> float:
        """The mean; NaN without a value."""
        return self.total / self.count if self.count else float("nan")

    def entries(self) -> dict[str, float]:
        """The statistics of a band as GDAL writes them and GIS programs read them; empty without a value."""
        if not self.count:
            return {}
        deviation = max(0.0, self.squares / self.count - self.mean**2) ** 0.5
        names = ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV")
        figures = (self.least, self.most, self.mean, deviation)
        return {f"STATISTICS_{name}": figure for name, figure in zip(names, figures, strict=True)}
