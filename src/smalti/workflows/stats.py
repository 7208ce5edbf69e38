"""Area statistics of maps per polygon."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from smalti.arguments import checked
from smalti.arrays import Doubles, Mask
from smalti.errors import DataError, DataWarning, SceneWarning, about, shown, warn
from smalti.raster.ground import axes_m, why_no_metres
from smalti.text import aligned, count, number, some
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Meter, Show
from smalti.zones.area import zone_areas
from smalti.zones.file import Zones, read_zones
from smalti.zones.maps import Kind, MapFile, check_alike, find_maps, kind_of, open_map
from smalti.zones.overlap import Overlaps
from smalti.zones.place import Placing, extent
from smalti.zones.table import Columns, check_output, columns, rows, write_table
from smalti.zones.tally import ClassTally, Tally, ValueTally

_LINES = 40
"""Zones that the text of a result lists."""
_NAMED = 3
"""Zones or maps that a message names."""
_MISSING = 1e-3
"""The share of a zone beyond all maps from which on it is worth a warning."""


@dataclass(frozen=True, eq=False)
class ZoneStats:
    """Area statistics per zone; its text is a table of hectares, or of values."""

    zones: str
    """The file of the zones."""
    maps: tuple[str, ...]
    """The maps, in the order given: where they overlap, the last one counts."""
    kind: Kind
    """What the maps hold: `classes` or `values`."""
    columns: Columns = field(repr=False)
    """By name: an array with one entry per zone, in the order of the file."""
    path: Path | None = None
    """The file that was written."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict per zone, of plain values by column; None where one is undefined."""
        return rows(self.columns)

    def to_json(self) -> str:
        """The rows as JSON."""
        return json.dumps(self.rows, indent=1, ensure_ascii=False)

    def __len__(self) -> int:
        return len(self.columns["feature"])

    def __str__(self) -> str:
        shown_columns = {_title(name): name for name in self.columns if name.endswith("_ha") and name != "zone_ha"}
        if self.kind == "values":
            shown_columns = {name: name for name in ("mean", "min", "max", "ha")}
        lines = [["zone", *shown_columns]]
        for row, label in zip(self.rows[:_LINES], self._labels(), strict=False):
            cells = (row[name] for name in shown_columns.values())
            lines.append([label, *("-" if value is None else number(value) for value in cells)])
        more = [f"and {count(len(self) - _LINES, 'more zone')}"] if len(self) > _LINES else []
        heading = "hectares per class" if self.kind == "classes" else "values; hectares"
        return "\n".join(
            [f"{heading}, {count(len(self), 'zone')}, {count(len(self.maps), 'map')}", *aligned(lines), *more]
        )

    def _labels(self) -> list[str]:
        """A name for each zone: its first attribute of text, else its number."""
        for column in self.columns.values():
            if column.dtype == object:
                return [f"{k}" if value is None else shown(str(value)) for k, value in enumerate(column, 1)]
        return [str(k) for k in self.columns["feature"]]

    def __repr__(self) -> str:
        names = ", ".join(name for name in self.columns if name != "feature")
        return f"ZoneStats({count(len(self), 'zone')}, {count(len(self.maps), 'map')}: {shown(names)})"

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        return f"<pre>{escape(str(self))}</pre>"


def _title(column: str) -> str:
    return column.removesuffix("_ha")


@checked()
def stats(
    maps: str | Path | Sequence[str | Path],
    zones: str | Path,
    output: str | Path | None = None,
    *,
    layer: str | None = None,
    progress: Show | None = None,
) -> ZoneStats:
    """Measures how much of each class lies in each zone, or the mean, minimum, maximum and sum of values.

    A pixel on the border of a zone counts by the share of it that lies inside. Areas are those on the ellipsoid. Zones
    may overlap: each is measured alone. Where maps overlap, a pixel counts unless a later map has a valid pixel at its
    centre. Edges of zones are straight in the zones' CRS.

    Args:
        maps: Class maps, or rasters of one band of values: files, folders, globs or URLs.
        zones: Polygons: a file of .gpkg, .geojson, .shp, .fgb or another format of GDAL.
        output: Also write the table: .csv, .json, or .gpkg with the shapes of the zones.
        layer: The layer of the zones, in a file of several.
        progress: Called with a `Progress` for each map, in the caller's thread.

    Returns:
        The table. `X_ha`, `X_share` and `X_pixels` of each class X; shares are of the area with a class.

    Raises:
        RasterError: A map cannot be read, or has several bands.
        DataError: The zones cannot be read or are no areas, maps hold different things, or there is no common CRS.
        OptionError: An ending of the output that is no format.
        OutputError: The output cannot be written, or would replace a file that is not such a table.
    """
    names = [str(name) for name in ([maps] if isinstance(maps, str | Path) else maps)]
    out = path_if_given(output)
    if out is not None:
        check_output(out, [*names, str(zones)])
    with about(zones):
        areas = read_zones(str(zones), layer, warn)
    found = find_maps(names)
    if not found:
        raise DataError("no map was given; give at least one file or folder", value=maps)
    if out is not None:
        check_output(out, found)
    return _measured(areas, found, out, progress)


def _measured(zones: Zones, names: Sequence[str], out: Path | None, show: Show | None) -> ZoneStats:
    meter = Meter(show, "stats", len(names), "maps")
    maps = [_described(name, zones) for name in names]
    kind = check_alike(maps)
    _check_place(maps, zones)
    tally: Tally = ClassTally(len(zones)) if kind == "classes" else ValueTally(len(zones))
    overlaps, placing = Overlaps(maps), Placing(zones)
    for k, each in enumerate(maps):
        placed, lost = placing.on(each.grid)
        if lost.any():
            text = f"{each.path}: {_listed(lost)} of {zones.path} have no place in its CRS, and are ignored there"
            warn(DataWarning(text))
        with overlaps.hidden(k) as hidden, _rest(meter) as advance:
            if placed:
                tally.add(each, placed, hidden, advance)
    whole = zone_areas(zones.shapes, zones.crs)
    _warn_of_places(zones, tally, whole)
    table = columns(zones, whole, tally, warn)
    if out is not None:
        write_table(out, zones, table)
    return ZoneStats(zones.path, tuple(names), kind, table, out)


@contextmanager
def _rest(meter: Meter) -> Iterator[Any]:
    """Progress of one map, which is finished when the block ends."""
    done = [0.0]

    def advance(share: float) -> None:
        share = min(share, 1 - done[0])
        done[0] += share
        meter(share)

    yield advance
    meter(1 - done[0])


def _described(name: str, zones: Zones) -> MapFile:
    with about(name), open_map(name) as raster:
        return MapFile(name, raster.grid, kind_of(raster), raster.class_names(), extent(raster.grid, zones.crs))


def _check_place(maps: Sequence[MapFile], zones: Zones) -> None:
    """DataError where zones and maps have no common CRS; a warning where there are no hectares."""
    for each in maps:
        if (each.grid.crs is None) != (zones.crs is None) and not (zones.crs is None and len(_crs(maps)) == 1):
            has, lacks = (zones.path, each.path) if each.grid.crs is None else (each.path, zones.path)
            raise DataError(f"{has} has a CRS, {lacks} has none; give both one: rio edit-info --crs, ogr2ogr -a_srs")
    flat = [each for each in maps if not _has_metres(each)]
    if flat:
        why = why_no_metres(flat[0].grid)
        listed = some([each.path for each in flat], _NAMED)
        warn(SceneWarning(f"{listed}: no hectares, only pixels: {why}"))


def _crs(maps: Sequence[MapFile]) -> set[Any]:
    return {each.grid.crs.to_wkt() if each.grid.crs else None for each in maps}


def _has_metres(each: MapFile) -> bool:
    return axes_m(each.grid) is not None


def _warn_of_places(zones: Zones, tally: Tally, areas: Doubles) -> None:
    """Warns of zones beside all maps, and of those that reach beyond them."""
    beside = ~tally.touched
    if beside.any():
        warn(DataWarning(f"{zones.path}: {_listed(beside)} on no map; their rows are 0"))
    covered = tally.data[:, 1] + tally.nodata[:, 1]
    with np.errstate(invalid="ignore"):
        beyond = tally.touched & (covered < areas * (1 - _MISSING))
    if beyond.any():
        warn(DataWarning(f"{zones.path}: {_listed(beyond)} only in part on a map; zone_ha is their whole area"))


def _listed(which: Mask) -> str:
    """How many zones, and the numbers of the first ones: `2 of 9 zones (features 3, 5)`."""
    numbers = [str(k + 1) for k in np.flatnonzero(which)]
    return f"{len(numbers)} of {count(len(which), 'zone')} (features {some(numbers, _NAMED)})"
