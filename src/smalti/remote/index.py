"""The index of all maps of one place: GeoParquet with a row for each scene, for DuckDB and geopandas."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from smalti.errors import MissingExtraError, OutputError
from smalti.remote.instant import parse_instant
from smalti.remote.shelf import Shelf, merge

INDEX = "index.parquet"
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def add_to_index(shelf: Shelf, items: Sequence[Mapping[str, Any]]) -> None:
    """Adds items of maps to the index, which is made if it is missing; OutputError if it is of other origin."""
    rows = [_row(shelf, item) for item in items]
    merge(shelf, INDEX, lambda old: _written([*_others(shelf, old, {row["id"] for row in rows}), *rows]))


def check_index(shelf: Shelf) -> None:
    """OutputError if there is an index of other origin."""
    if (found := shelf.get(INDEX)) is not None:
        _others(shelf, found[0], set())


def import_pyarrow() -> Any:
    """pyarrow with its reader and writer of Parquet; MissingExtraError."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("pyarrow, which writes the index of all maps,", "remote") from None
    return pyarrow


def _row(shelf: Shelf, item: Mapping[str, Any]) -> dict[str, Any]:
    import shapely

    properties, assets = item["properties"], item["assets"]
    when = properties.get("datetime") or properties.get("start_datetime")
    polygons = assets.get("polygons")
    shape = None if item["geometry"] is None else shapely.from_geojson(json.dumps(item["geometry"]))
    return {
        "id": item["id"],
        "datetime": parse_instant(when) if when else None,
        "model": properties["smalti:model"],
        "map": _address(shelf, assets["map"]),
        "polygons": _address(shelf, polygons) if polygons else None,
        "polygon_count": properties["smalti:polygons"] if polygons else None,
        "bbox": dict(zip(_SIDES, shape.bounds, strict=True)) if shape is not None else None,
        "geometry": None if shape is None else shapely.to_wkb(shape),
    }


def _address(shelf: Shelf, asset: Mapping[str, Any]) -> str:
    return shelf.where(str(asset["href"]).removeprefix("./"))


def _others(shelf: Shelf, content: bytes | None, known: set[str]) -> list[dict[str, Any]]:
    """The rows of an index without those of some items."""
    if content is None:
        return []
    pyarrow = import_pyarrow()
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError):
        table = None
    if table is None or table.schema.names != _schema(pyarrow).names:
        raise OutputError(f"{shelf.where(INDEX)}: exists and is not an index of this program; choose another output")
    return [row for row in table.to_pylist() if row["id"] not in known]


def _written(rows: Sequence[Mapping[str, Any]]) -> bytes:
    pyarrow = import_pyarrow()
    table = pyarrow.Table.from_pylist(sorted(rows, key=lambda row: row["id"]), schema=_schema(pyarrow))
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _schema(pyarrow: Any) -> Any:
    covering = {"bbox": {side: ["bbox", side] for side in _SIDES}}
    column = {"encoding": "WKB", "geometry_types": ["Polygon", "MultiPolygon"], "covering": covering}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return pyarrow.schema(
        {
            "id": pyarrow.string(),
            "datetime": pyarrow.timestamp("us", tz="UTC"),
            "model": pyarrow.string(),
            "map": pyarrow.string(),
            "polygons": pyarrow.string(),
            "polygon_count": pyarrow.int64(),
            "bbox": pyarrow.struct({side: pyarrow.float64() for side in _SIDES}),
            "geometry": pyarrow.binary(),
        },
        metadata={"geo": json.dumps(geo)},
    )
