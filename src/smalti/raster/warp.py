"""Rasters whose place is given by control points."""

from contextlib import ExitStack
from typing import Any

import numpy as np
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import from_gcps
from rasterio.vrt import WarpedVRT

from smalti.errors import RasterError
from smalti.raster.bands import alpha_bands
from smalti.raster.check import first_line
from smalti.raster.grid import Grid

_FLAT = 1e-6
"""Ratio of width to length of a set of points below which they are one line."""


def by_points(dataset: Any, stack: ExitStack) -> Any:
    """A dataset whose place is known by control points only, warped to the north-up grid they describe."""
    points, crs = dataset.gcps
    if len(points) < 3:
        return dataset
    if not _spread(points):
        raise RasterError(f"{dataset.name}: its control points give it no place on the ground; correct or remove them")
    transform = from_gcps(points)
    if _is_straight(points, transform):
        return WithPlace(dataset, transform, crs)
    try:
        return stack.enter_context(
            WarpedVRT(dataset, src_crs=crs, crs=crs, resampling=Resampling.bilinear, add_alpha=_needs_alpha(dataset))
        )
    except (RasterioError, CPLE_BaseError, ValueError) as error:
        raise RasterError(f"{dataset.name}: its control points cannot be used: {first_line(error)}") from None


def _spread(points: Any) -> bool:
    """Whether control points span a plane, in pixels and on the ground."""
    places = np.array([(p.row, p.col, p.x, p.y) for p in points], float)
    if not np.isfinite(places).all():
        return False
    places -= places.mean(axis=0)
    spans = [np.linalg.svd(side, compute_uv=False) for side in (places[:, :2], places[:, 2:])]
    return all(narrow > _FLAT * wide for wide, narrow in spans)


def _is_straight(points: Any, transform: Affine) -> bool:
    """Whether one affine transform meets every control point within half a pixel."""
    grid = Grid(1, 1, transform)
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
