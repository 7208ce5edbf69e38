"""Checks for leakage between training and validation: shared files, and overlap on the ground."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rasterio.crs import CRS
from shapely import STRtree
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from smalti.errors import DataError
from smalti.raster.grid import Grid
from smalti.raster.place import project

Placed = tuple[Path, Grid]
Footprint = tuple[Path, BaseGeometry]
WGS84 = CRS.from_epsg(4326)
TOUCH = 1e-3
"""Share of the smaller footprint by which neighbours may overlap because of rounding."""


def check_apart(first: Sequence[Placed], second: Sequence[Placed], names: tuple[str, str]) -> None:
    """DataError if a file is in both lists, which are called `names`, or images of both overlap on the ground."""
    both = {path.resolve() for path, _ in first} & {path.resolve() for path, _ in second}
    if both:
        raise DataError(
            f"{min(both)} is among the images for {names[0]} and for {names[1]} ({len(both)} in all); split by place"
        )
    ones, others = _by_frame(first), _by_frame(second)
    for frame in ones.keys() & others.keys():
        _check_grounds(ones[frame], others[frame], names)


def _check_grounds(ones: Sequence[Footprint], others: Sequence[Footprint], names: tuple[str, str]) -> None:
    tree = STRtree([ground for _, ground in ones])
    for path, ground in others:
        for i in tree.query(ground, predicate="intersects"):
            share = ones[i][1].intersection(ground).area / min(ones[i][1].area, ground.area)
            if share > TOUCH:
                raise DataError(
                    f"{ones[i][0]} ({names[0]}) and {path} ({names[1]}) show the same ground: "
                    f"{share:.0%} of the smaller one; split by place"
                )


def _by_frame(places: Sequence[Placed]) -> dict[str, list[Footprint]]:
    """The outlines of georeferenced images: in degrees, or grouped by local CRS."""
    found: dict[str, list[Footprint]] = {}
    for path, grid in places:
        if grid.georeferenced:
            outline = footprint(grid)
            frame, ground = ("Earth", outline) if outline else (str(grid.crs), Polygon(_corners(grid)))
            found.setdefault(frame, []).append((path, ground))
    return found


def footprint(grid: Grid) -> Polygon | None:
    """The outline of a raster in degrees; None if its CRS has no position on the Earth."""
    placed = project(np.array(_corners(grid)), grid.crs.to_wkt(), WGS84.to_wkt()) if grid.crs else None
    if placed is None or not np.isfinite(placed).all():
        return None
    return Polygon(placed).buffer(0)


def _corners(grid: Grid) -> list[tuple[float, float]]:
    corners = [(0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height)]
    return [grid.xy(col, row) for col, row in corners]
