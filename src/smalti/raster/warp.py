"""Rasters whose place is given by control points."""

from contextlib import ExitStack
from typing import Any

from affine import Affine
from rasterio.enums import Resampling
from rasterio.transform import from_gcps
from rasterio.vrt import WarpedVRT

from smalti.raster.bands import alpha_bands
from smalti.raster.grid import Grid


def by_points(dataset: Any, stack: ExitStack) -> Any:
    """A dataset whose place is known by control points only, brought to the north-up grid they describe."""
    points, crs = dataset.gcps
    if len(points) < 3:
        return dataset
    if _is_straight(points):
        return WithPlace(dataset, from_gcps(points), crs)
    return stack.enter_context(
        WarpedVRT(dataset, src_crs=crs, crs=crs, resampling=Resampling.bilinear, add_alpha=_needs_alpha(dataset))
    )


def _is_straight(points: Any) -> bool:
    """Whether one affine transform meets every control point within half a pixel."""
    grid = Grid(1, 1, from_gcps(points))
    for point in points:
        col, row = grid.col_row(point.x, point.y)
        if max(abs(col - point.col), abs(row - point.row)) > 0.5:
            return False
    return True


def _needs_alpha(dataset: Any) -> bool:
    """Whether the warped image needs a band of its own to say where it has pixels."""
    return dataset.nodata is None and not alpha_bands(dataset)


class WithPlace:
    """A dataset seen with another transform and CRS."""

    def __init__(self, dataset: Any, transform: Affine, crs: Any) -> None:
        self.file = dataset
        self.transform = transform
        self.crs = crs

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)
