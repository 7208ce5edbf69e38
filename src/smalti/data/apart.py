"""Training and validation must lie apart: no file in both, no ground in both."""

from collections.abc import Sequence
from pathlib import Path

from rasterio.crs import CRS
from rasterio.warp import transform_geom
from shapely import STRtree
from shapely.geometry import Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

from smalti.errors import DataError
from smalti.raster.grid import Grid

Place = tuple[Path, Grid]
WGS84 = CRS.from_epsg(4326)
TOUCH = 1e-3
"""Share of the smaller footprint that two neighbours may have in common by rounding."""


def check_apart(first: Sequence[Place], second: Sequence[Place], names: tuple[str, str]) -> None:
    """DataError if a file is in both lists, or images of both overlap on the ground; `names` says what they are for."""
    both = {path.resolve() for path, _ in first} & {path.resolve() for path, _ in second}
    if both:
        raise DataError(
            f"{min(both)} is among the images for {names[0]} and for {names[1]} ({len(both)} in all); split by place"
        )
    ones = [(path, footprint(grid)) for path, grid in first if grid.georeferenced]
    others = [(path, footprint(grid)) for path, grid in second if grid.georeferenced]
    if not ones or not others:
        return
    tree = STRtree([ground for _, ground in ones])
    for path, ground in others:
        for i in tree.query(ground, predicate="intersects"):
            share = ones[i][1].intersection(ground).area / min(ones[i][1].area, ground.area)
            if share > TOUCH:
                raise DataError(
                    f"{ones[i][0]} ({names[0]}) and {path} ({names[1]}) show the same ground: "
                    f"{share:.0%} of the smaller one; split by place"
                )


def footprint(grid: Grid) -> BaseGeometry:
    """The outline of a raster in degrees."""
    corners = [(0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height)]
    outline = Polygon([grid.xy(col, row) for col, row in corners])
    return shape(transform_geom(grid.crs, WGS84, mapping(outline))).buffer(0)
