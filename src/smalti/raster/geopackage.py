"""Reads a layer of a GeoPackage (OGC 12-128r18) with SQLite, where GDAL's reader of vector files is not installed."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from smalti.errors import LabelError

_BOUNDS = (0, 32, 48, 48, 64)
"""Bytes of the bounds before a geometry, by the number in its flags."""
_UNDEFINED = (-1, 0, 99_999)
"""Numbers of systems that stand for none; the last one is GDAL's."""


def read_only(path: Path) -> closing[sqlite3.Connection]:
    """A database file, which the block cannot change; sqlite3.Error where it cannot be opened."""
    real = os.path.realpath(path)  # of //tmp, too, whose first part would be the name of a host
    return closing(sqlite3.connect(f"file:{quote(real)}?mode=ro", uri=True))


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file for reading; LabelError where it is none, or damaged."""
    try:
        with read_only(path) as file:
            yield file
    except sqlite3.Error as error:
        raise LabelError(f"{path}: cannot be read as a GeoPackage: {error}; {mend_of(error)}") from None


def mend_of(error: Exception) -> str:
    """What to do about an error of a GeoPackage."""
    return "end what another program writes to it, and run again" if "is locked" in str(error) else "write it again"


def wkb_of(geometry: bytes | None) -> bytes | None:
    """The WKB in a geometry of a GeoPackage, behind its header and bounds; None for none."""
    if geometry is None or geometry[:2] != b"GP" or geometry[3] >> 1 & 7 >= len(_BOUNDS):
        return None
    return geometry[8 + _BOUNDS[geometry[3] >> 1 & 7] :]


def layers_of(file: sqlite3.Connection) -> list[str]:
    """The names of all layers with shapes."""
    return [str(name) for (name,) in file.execute("SELECT table_name FROM gpkg_geometry_columns")]


def fields_of(file: sqlite3.Connection, layer: str) -> list[str]:
    """The names of a layer's attributes."""
    columns = file.execute("SELECT name, pk FROM pragma_table_info(?)", (layer,)).fetchall()
    shape = _shape_column(file, layer)[0]
    return [str(name) for name, key in columns if not key and name != shape]


def read_layer(
    file: sqlite3.Connection, layer: str, attribute: str | None
) -> tuple[str | None, NDArray[Any], NDArray[Any] | None]:
    """The CRS of a layer as code or WKT, its shapes as WKB, and the values of an attribute."""
    shape, system = _shape_column(file, layer)
    names = [shape, *([attribute] if attribute else [])]
    rows = file.execute(f"SELECT {', '.join(map(quoted, names))} FROM {quoted(layer)}").fetchall()
    shapes = np.empty(len(rows), object)
    shapes[:] = [wkb_of(row[0]) for row in rows]
    values = np.array([row[1] for row in rows], object) if attribute else None
    return _crs(file, system), shapes, values


def _shape_column(file: sqlite3.Connection, layer: str) -> tuple[str, int]:
    query = "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?"
    column, system = file.execute(query, (layer,)).fetchone()
    return str(column), int(system)


def _crs(file: sqlite3.Connection, system: int) -> str | None:
    query = "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?"
    organization, code, text = file.execute(query, (system,)).fetchone() or ("", 0, "")
    if organization.upper() == "EPSG":
        return f"EPSG:{code}"
    return None if system in _UNDEFINED else str(text)


def quoted(name: str) -> str:
    """The name of a table or column in a statement."""
    return '"' + name.replace('"', '""') + '"'
