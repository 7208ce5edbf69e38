"""The statistics as a table, one row per zone, and as a file of it: CSV, JSON or GeoPackage."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles
from smalti.errors import DataWarning, OptionError, OutputError, Warn
from smalti.files import appearing, check_place, deliver, guarded
from smalti.raster.check import first_line
from smalti.raster.ground import wkt_of
from smalti.raster.other_vectors import need_pyogrio
from smalti.raster.plain_name import plain_name
from smalti.raster.quiet import quiet
from smalti.text import TABLE_ENCODING, cell, some
from smalti.zones.file import Zones
from smalti.zones.tally import ClassTally, Tally, ValueTally

FORMATS = (".csv", ".json", ".gpkg")
FIRST = ("feature", "zone_ha")
"""The first columns, by which a file of this program is recognised."""
LAYER = "stats"
_M2_PER_HA = 10_000.0
_DIGITS = 12
"""Digits of a number: what is beyond them is rounding."""

Columns = dict[str, NDArray[Any]]
"""Values (zones) by column."""


def columns(zones: Zones, areas: Doubles, tally: Tally, warn: Warn) -> Columns:
    """All columns: number and hectares of each zone, its attributes, then the statistics.

    An attribute with the name of another column is left out, with a warning; case makes no difference.
    """
    first = dict(zip(FIRST, (np.arange(1, len(zones) + 1), areas / _M2_PER_HA), strict=True))
    figures = _figures(tally)
    used = {name.lower() for name in (*first, *figures)}
    taken = []
    for name in zones.attributes:
        if name.lower() in used:
            taken.append(name)
        used.add(name.lower())
    if taken:
        text = f"{zones.path}: attributes that are called like columns of the table are left out: {some(taken, 3)}"
        warn(DataWarning(text))
    return first | {name: column for name, column in zones.attributes.items() if name not in taken} | figures


def _figures(tally: Tally) -> Columns:
    """The statistics by column; NaN where one is undefined."""
    if isinstance(tally, ClassTally):
        found: Columns = {}
        for name, sums in zip(_titles(tally.classes), tally.classes.values(), strict=True):
            found[f"{name}_ha"] = sums[:, 1] / _M2_PER_HA
            found[f"{name}_share"] = _shares(sums, tally.data)
            found[f"{name}_pixels"] = sums[:, 0]
    else:
        assert isinstance(tally, ValueTally)
        pixels, m2 = tally.data.T
        any_value = pixels > 0
        mean = np.divide(tally.sum, pixels, out=np.full(tally.zones, np.nan), where=any_value)
        found = {
            "mean": mean,
            "min": np.where(any_value, tally.minimum, np.nan),
            "max": np.where(any_value, tally.maximum, np.nan),
            "sum": tally.sum,
            "ha": m2 / _M2_PER_HA,
            "pixels": pixels,
        }
    return found | {"nodata_ha": tally.nodata[:, 1] / _M2_PER_HA, "nodata_pixels": tally.nodata[:, 0]}


def _titles(classes: Iterable[str]) -> list[str]:
    """A name for the columns of each class, none like another or like one of this program, whatever their case."""
    titles: list[str] = []
    taken = {"zone", "nodata"}
    for name in classes:
        while name.lower() in taken:
            name = f"class {name}"
        titles.append(name)
        taken.add(name.lower())
    return titles


def _shares(sums: Doubles, data: Doubles) -> Doubles:
    """The share of a class by area, or by pixels where areas are unknown; NaN where there is no class."""
    by_area = np.isfinite(data[:, 1])
    part, whole = np.where(by_area, sums[:, 1], sums[:, 0]), np.where(by_area, data[:, 1], data[:, 0])
    found: Doubles = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return found


def rows(found: Columns) -> list[dict[str, Any]]:
    """The table as a dict per zone of plain values; None where one is missing or undefined."""
    plain = [[_plain(value) for value in column] for column in found.values()]
    return [dict(zip(found, values, strict=True)) for values in zip(*plain, strict=True)]


def _plain(value: Any) -> Any:
    """A value for CSV and JSON."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def check_output(path: Path, inputs: Sequence[str]) -> None:
    """OptionError for an ending that is no format; OutputError if a file cannot be written, or would be replaced that
    is read or is not a table of this program."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise OptionError(f"output is {path}: its ending must be one of {', '.join(FORMATS)}", value=path)
    check_place(path, parents=True)
    with guarded(path):
        if not path.exists() or not path.stat().st_size:
            return
        if any(Path(name).exists() and path.samefile(name) for name in inputs):
            raise OutputError(f"{path}: is read for these statistics; choose another output")
        if not _OURS[ending](path):
            raise OutputError(f"{path}: exists and is not a table of this program; remove it, or choose another output")


def write_table(path: Path, zones: Zones, found: Columns) -> None:
    """Writes the table in the format of its ending; OutputError if it cannot."""
    match path.suffix.lower():
        case ".csv":
            deliver(path, _csv(found).encode(TABLE_ENCODING))
        case ".json":
            deliver(path, (json.dumps(rows(found), indent=1, ensure_ascii=False) + "\n").encode())
        case _:
            with guarded(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            _write_layer(path, zones, found)


def _csv(found: Columns) -> str:
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow([cell(name) for name in found])
    table.writerows([_written(value) for value in row.values()] for row in rows(found))
    return text.getvalue()


def _written(value: Any) -> str:
    if value is None:
        return ""
    return cell(value) if isinstance(value, str) else str(value)


def _write_layer(path: Path, zones: Zones, found: Columns) -> None:
    """A layer of the zones' shapes with the table as attributes."""
    import pyogrio.raw
    import shapely

    shapes = np.array([shapely.multipolygons(shapely.get_parts(shape)) for shape in zones.shapes], object)
    names = {name.lower() for name in found}
    own = {key: f"{name}_" if name in names else name for key, name in (("FID", "fid"), ("GEOMETRY_NAME", "geom"))}
    try:
        with quiet(UserWarning), appearing(path, path.suffix) as unfinished, plain_name(unfinished) as name:
            pyogrio.raw.write(
                name,
                shapely.to_wkb(shapes),
                [_column(column) for column in found.values()],
                list(found),
                layer=LAYER,
                driver="GPKG",
                geometry_type="MultiPolygon",
                crs=None if zones.crs is None else wkt_of(zones.crs),
                layer_options=own,
            )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError) as error:
        raise OutputError(f"{path}: the table cannot be written: {first_line(error)}") from None


def _column(column: NDArray[Any]) -> NDArray[Any]:
    """A column as GDAL takes it."""
    if column.dtype != object:
        return column
    return np.array([None if value is None else str(value) for value in column], object)


def _is_csv(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).decode(TABLE_ENCODING, "replace").startswith(",".join(FIRST))


def _is_json(path: Path) -> bool:
    with suppress(ValueError):
        found = json.loads(path.read_bytes())
        return isinstance(found, list) and all(isinstance(row, Mapping) and {*FIRST} <= row.keys() for row in found)
    return False


def _is_layer(path: Path) -> bool:
    need_pyogrio("reads vector files")
    import pyogrio

    with suppress(Exception), quiet(Warning), plain_name(path) as name:  # whatever the driver raises
        layers = pyogrio.list_layers(name)
        return len(layers) == 1 and tuple(pyogrio.read_info(name)["fields"][: len(FIRST)]) == FIRST
    return False


_OURS: dict[str, Callable[[Path], bool]] = {".csv": _is_csv, ".json": _is_json, ".gpkg": _is_layer}
"""By ending: whether a file is a table of this program."""
