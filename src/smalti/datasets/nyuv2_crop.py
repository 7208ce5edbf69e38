"""Crops that some protocols restrict scores to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.datasets.nyuv2 import EIGEN_CROP
from smalti.errors import DataError
from smalti.tiling import Window


@dataclass(frozen=True)
class Crop:
    """Restricts scores to a window, for images of one size."""

    name: str
    window: Window
    height: int
    width: int

    def check(self, image: str, height: int, width: int) -> None:
        """DataError for an image of another size."""
        if (height, width) != (self.height, self.width):
            raise DataError(
                f"{image}: has {width}x{height} pixels, the {self.name} crop is made for {self.width}x{self.height}; "
                "leave the crop out"
            )

    def cut(self, truth: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
        """The ground truth (H, W) of a window, NaN where it is ignored."""
        inside = window.intersect(self.window)
        kept = np.full_like(truth, np.nan)
        if inside is not None:
            kept[inside.within(window)] = truth[inside.within(window)]
        return kept

    def __str__(self) -> str:
        w = self.window
        return f"{self.name}: rows {w.row} to {w.bottom - 1}, columns {w.col} to {w.right - 1}, counted from 0"


CROPS = {"eigen": Crop("eigen", EIGEN_CROP, 480, 640)}
"""`eigen`: the part of NYU Depth v2's frames that depth is mostly scored on, after Eigen et al., NeurIPS 2014."""
