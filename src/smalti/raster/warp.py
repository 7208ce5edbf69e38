"""Rasters on another grid while they are read: another pixel size, or a place given by control points."""

from contextlib import ExitStack
from typing import Any

from affine import Affine
from rasterio.enums import Resampling
from rasterio.transform import from_gcps
from rasterio.vrt import WarpedVRT

from smalti.errors import RasterError
from smalti.raster.bands import alpha_bands
from smalti.raster.grid import Grid, axes_m


def resampled(path: str, dataset: Any, resolution: float, stack: ExitStack) -> Any:
    """The dataset with square pixels of `resolution` metres, in its own CRS and with its own corners.

    In a geographic CRS the pixel has as many degrees as make `resolution` metres at the centre. RasterError where
    metres are unknown.
    """
    grid = Grid(dataset.height, dataset.width, dataset.transform, dataset.crs)
    size = axes_m(grid)
    if size is None:
        raise RasterError(
            f"{path}: it has no CRS, so its pixels cannot be brought to {resolution:g} m; leave them as is"
        )
    factor_x, factor_y = resolution / size[0], resolution / size[1]
    width, height = max(1, round(grid.width / factor_x)), max(1, round(grid.height / factor_y))
    method = Resampling.average if factor_x * factor_y > 1 else Resampling.bilinear
    if dataset.colorinterp[0].name == "palette":
        method = Resampling.nearest  # between two indices there is no colour
    return stack.enter_context(
        WarpedVRT(
            dataset.file if isinstance(dataset, WithPlace) else dataset,
            src_crs=dataset.crs,
            src_transform=dataset.transform,
            crs=dataset.crs,
            transform=grid.resized(height, width).transform,
            width=width,
            height=height,
            resampling=method,
            add_alpha=_needs_alpha(dataset),
        )
    )


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
