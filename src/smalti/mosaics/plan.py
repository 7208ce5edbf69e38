"""Which tiles a mosaic has, and which scenes each is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import hypot
from typing import Any, Literal

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import CRSError

from smalti.errors import DataError, OptionError
from smalti.mosaics.fade import FADE
from smalti.mosaics.grid import LEAST, MOST, Bounds, Cell, MosaicGrid
from smalti.mosaics.source import Source
from smalti.raster.grid import Grid
from smalti.raster.ground import axes_m
from smalti.raster.place import project
from smalti.text import count, some
from smalti.tiling import Window

Order = Literal["given", "newest", "clearest"]
"""Which scene lies on top: the last one given, the one taken last, the one with the largest share of clear pixels."""
_ALIKE = 0.01
"""How far, as a share, pixel sizes may differ and still be taken for one."""
_NAMED = 3


@dataclass(frozen=True)
class Plan:
    """A mosaic's grid, its scenes with the top one first, and its tiles."""

    grid: MosaicGrid
    sources: Sequence[Source]
    cells: Sequence[Cell]

    def near(self, window: Window) -> list[Source]:
        """The scenes that may have a share in a window of the grid, the top one first."""
        import shapely

        step = self.grid.pixel
        west, east = (window.col - FADE) * step, (window.right + FADE) * step
        south, north = -(window.bottom + FADE) * step, -(window.row - FADE) * step
        return [self.sources[k] for k in sorted(self._tree.query(shapely.box(west, south, east, north)).tolist())]

    @cached_property
    def _tree(self) -> Any:
        import shapely

        return shapely.STRtree([shapely.box(*source.bounds) for source in self.sources])


def make_plan(
    looks: Sequence[Source],
    *,
    crs: str | None,
    resolution: float | None,
    tile: int | float,
    extent: Bounds | None,
    order: Order,
) -> Plan:
    """The plan of a mosaic of scenes; `tile` is in pixels, or in kilometres if it is a float.

    OptionError where the grid is not determined or is unsuitable, DataError where it has no scene, RasterError of a
    scene without a place in its CRS.
    """
    chosen = _crs(looks, crs)
    grid = _grid(chosen, _pixel(looks, chosen, resolution), tile)
    placed = [source.placed(chosen) for source in _ordered(looks, order)]
    inside = placed if extent is None else [source for source in placed if _meets(source.bounds, extent)]
    if not inside:
        raise DataError(f"no scene lies in --extent {_said(extent)}; the scenes cover {_said(_around(placed))}")
    return Plan(grid, inside, _cells(grid, inside, extent))


def _cells(grid: MosaicGrid, sources: Sequence[Source], extent: Bounds | None) -> list[Cell]:
    import shapely

    found: dict[Cell, None] = {}
    for source in sources:
        shape = shapely.Polygon(source.outline)
        for cell in grid.cells(source.bounds):
            bounds = grid.bounds(cell)
            if (
                (extent is None or _meets(bounds, extent))
                and cell not in found
                and shape.intersects(shapely.box(*bounds))
            ):
                found[cell] = None
    return sorted(found, key=lambda cell: (-cell.row, cell.col))


def _meets(one: Bounds, other: Bounds) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _around(sources: Sequence[Source]) -> Bounds:
    lefts, bottoms, rights, tops = zip(*(source.bounds for source in sources), strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _said(bounds: Bounds | None) -> str:
    return ",".join(f"{value:.10g}" for value in bounds or ())


def _ordered(looks: Sequence[Source], order: Order) -> list[Source]:
    if order == "given":
        return list(looks)[::-1]
    if order == "clearest":
        return sorted(looks, key=lambda source: -source.clear)
    dateless = [source.path for source in looks if not source.taken]
    if dateless:
        text = f"--order newest: neither tags nor names tell when {some(dateless, _NAMED)} was taken"
        raise OptionError(f"{text}; choose --order given, the last one on top", value="newest")
    return sorted(looks, key=lambda source: source.taken, reverse=True)


def _crs(looks: Sequence[Source], crs: str | None) -> CRS:
    own = {source.grid.crs.to_string(): source.grid.crs for source in looks if source.grid.crs is not None}
    if crs is None and len(own) > 1:
        names = some([name[:40] for name in own], _NAMED)
        raise OptionError(f"the scenes have {len(own)} CRSs: {names}; choose that of the mosaic with --crs", value=crs)
    try:
        chosen = next(iter(own.values())) if crs is None else CRS.from_user_input(crs)
    except CRSError:
        raise OptionError(
            f"crs is {crs!r}: no such CRS is known; expected a code such as EPSG:32633", value=crs
        ) from None
    if not chosen.is_projected:
        text = f"the mosaic's CRS {chosen.to_string()[:40]} is not in metres, which its pixels are"
        raise OptionError(f"{text}; choose a projected one with --crs, such as {_zone(looks)}", value=crs)
    return chosen


def _zone(looks: Sequence[Source]) -> str:
    """The UTM zone of the first scene."""
    grid = looks[0].grid
    assert grid.crs is not None
    lon, lat = project(np.array([grid.xy(grid.width / 2, grid.height / 2)]), grid.crs.to_wkt(), "EPSG:4326")[0]
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        return "EPSG:32633"
    return f"EPSG:{(32600 if lat >= 0 else 32700) + min(60, int((lon + 180) // 6) + 1)}"


def _pixel(looks: Sequence[Source], crs: CRS, resolution: float | None) -> float:
    """The side of a pixel in the unit of the CRS."""
    if resolution is not None:
        return resolution / float(crs.units_factor[1])
    sizes = [axes_m(source.grid) for source in looks]
    metres = [side for size in sizes if size is not None for side in size]
    if any(source.grid.crs != crs for source in looks):
        text = f"the scenes are brought to another CRS, {crs.to_string()[:40]}"
        raise OptionError(f"{text}; choose the pixel size with --resolution METRES", value=resolution)
    steps = [step for source in looks for step in _steps(source.grid)]
    if max(steps) > min(steps) * (1 + _ALIKE):
        text = f"the scenes have pixels of {min(metres):.3g} to {max(metres):.3g} m"
        raise OptionError(f"{text}; choose the mosaic's with --resolution METRES", value=resolution)
    return steps[0]


def _steps(grid: Grid) -> tuple[float, float]:
    """Width and height of a pixel in the unit of the CRS, of a grid that is turned, too."""
    t = grid.transform
    return hypot(t.a, t.d), hypot(t.b, t.e)


def _grid(crs: CRS, pixel: float, tile: int | float) -> MosaicGrid:
    if isinstance(tile, int):
        return MosaicGrid(crs, pixel, tile)
    exact = tile * 1000 / float(crs.units_factor[1]) / pixel
    if abs(exact - round(exact)) > 1e-6 * exact:
        text = f"--tile {tile:g}km is {exact:.6g} pixels; choose a side of whole pixels"
        raise OptionError(f"{text}, or give it in pixels", value=tile)
    if not LEAST <= round(exact) <= MOST:
        raise OptionError(
            f"--tile {tile:g}km is {count(round(exact), 'pixel')}; expected {LEAST} to {MOST}", value=tile
        )
    return MosaicGrid(crs, pixel, round(exact))
