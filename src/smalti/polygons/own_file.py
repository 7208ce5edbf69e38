"""Whether a vector file holds only polygons of a map, so that new ones may replace it."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from smalti.errors import OutputError
from smalti.raster.check import first_line
from smalti.raster.geopackage import quoted, read_only
from smalti.raster.plain_name import plain_name
from smalti.raster.quiet import quiet

FIELDS = ("class", "class_id", "area_m2")
"""Attributes of the polygons of a map."""
Described = tuple[str, tuple[str, ...], int]
"""Kind of geometry, names of attributes, and number of features."""
_OURS = ("polygon", "multipolygon")
_OF_GEOPACKAGE = ("gpkg_", "rtree_", "sqlite_")
"""Prefixes of tables that belong to the format itself."""


def check_only_ours(path: Path) -> None:
    """OutputError if an existing file holds anything but one layer of a map's polygons, or is open elsewhere."""
    if not path.exists() or path.stat().st_size == 0:
        return
    journal = path.with_name(f"{path.name}-wal")
    if journal.exists() and journal.stat().st_size:
        raise OutputError(f"{path}: another program is writing to it ({journal.name}); close it there first")
    other = _tables(path) if path.suffix.lower() == ".gpkg" else _columns(path)
    if other:
        raise OutputError(
            f"{path}: holds {other}, which the polygons of a map would replace; give --polygons another file"
        )


def _tables(path: Path) -> str:
    """What a GeoPackage holds besides one layer of polygons; empty if nothing."""
    try:
        with read_only(path) as file:
            names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    except sqlite3.Error as error:
        return f"unreadable content ({error})"
    own = [name for name in names if not name.startswith(_OF_GEOPACKAGE)]
    if len(own) != 1:
        return f"{len(own)} layers or tables ({', '.join(own[:4])})"
    return _columns(path)


def _columns(path: Path) -> str:
    """What a file of one layer holds if it is not a map's polygons."""
    try:
        geometry, columns, rows = _READERS[path.suffix.lower()](path)
    except Exception as error:  # whatever the readers of four formats raise
        return f"content that cannot be read as polygons ({first_line(error).partition(';')[0]})"
    if (rows == 0 and path.suffix.lower() == ".geojson") or (geometry.lower() in _OURS and columns == FIELDS):
        return ""
    return f"{rows} features of {geometry} with the attributes {', '.join(columns) or 'none'}"


def _geopackage(path: Path) -> Described:
    with read_only(path) as file:
        layer, column, kind = file.execute(
            "SELECT table_name, column_name, geometry_type_name FROM gpkg_geometry_columns"
        ).fetchone()
        keys = file.execute("SELECT name, pk FROM pragma_table_info(?)", (layer,)).fetchall()
        [rows] = file.execute(f"SELECT count(*) FROM {quoted(layer)}").fetchone()
    return str(kind), tuple(name for name, key in keys if not key and name != column), rows


def _geojson(path: Path) -> Described:
    features = json.loads(path.read_bytes())["features"]
    kinds = {feature["geometry"]["type"] for feature in features}
    columns = {name: None for feature in features for name in feature["properties"]}
    return " and ".join(sorted(kinds)), tuple(columns), len(features)


def _flatgeobuf(path: Path) -> Described:
    import pyogrio

    with quiet(Warning), plain_name(path) as name:
        found = pyogrio.read_info(name, force_feature_count=True)
    return str(found["geometry_type"]), tuple(found["fields"]), int(found["features"])


def _parquet(path: Path) -> Described:
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path.absolute())
    columns = tuple(name for name in file.schema_arrow.names if name != "geometry")
    return "Polygon", columns, file.metadata.num_rows


_READERS: dict[str, Callable[[Path], Described]] = {
    ".gpkg": _geopackage,
    ".geojson": _geojson,
    ".fgb": _flatgeobuf,
    ".parquet": _parquet,
}
