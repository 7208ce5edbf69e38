"""A GeoPackage of one layer of polygons: a database of SQLite with geometries in WKB (OGC 12-128r18).

Written here and not by GDAL, so that the base install needs no second one beside that of rasterio.
"""

import sqlite3
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from smalti.polygons.geopackage_tables import CREATE, EXTENSIONS, INDEX, LAYER, SYSTEMS, TRIGGERS
from smalti.raster.geopackage import quoted
from smalti.raster.ground import epsg_of, wkt_of

_UNKNOWN = 99_999
"""The number under which GDAL, too, keeps that there is no CRS; the standard's -1 would be a CRS of a plane."""
_OWN = 100_000
"""The number of a CRS without a code of EPSG."""
_LAST_CHANGE = "1970-01-01T00:00:00.000Z"
"""Not the time of writing: the same polygons have the same bytes."""
_HEADER = struct.Struct("<2sBBi4d")
_WITH_BOUNDS = 0b11
"""Flags of a geometry: little endian, preceded by its bounds."""


class GeoPackage:
    """Writes polygons with the attributes class, class_id and area_m2; sqlite3.Error where that fails."""

    def __init__(self, path: Path, layer: str, crs: CRS | None) -> None:
        self._file = sqlite3.connect(path)
        self._layer, self._count, self._bounds = layer, 0, np.array([np.nan] * 4)
        self._names = {"layer": quoted(layer), "index": quoted(f"rtree_{layer}_geom")}
        # The file has a temporary name and is removed unless it is completed. Without the last one, unused parts of
        # pages hold whatever was in the memory before.
        self._file.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA secure_delete = ON;")
        self._file.executescript(CREATE + (LAYER + INDEX).format_map(self._names))
        self._file.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?, ?)", SYSTEMS)
        self._srs = self._add_crs(crs)

    def _add_crs(self, crs: CRS | None) -> int:
        """The number of the CRS, which is in the table then."""
        if crs is None:
            row = ("Undefined SRS", _UNKNOWN, "GDAL", _UNKNOWN, "undefined", "no CRS", "undefined")
        else:
            full = wkt_of(crs)
            code = epsg_of(full)
            organization, number = ("NONE", _OWN) if code is None else ("EPSG", code)
            row = (full.split('"')[1], number, organization, number, _older_wkt(crs), "", full)
        self._file.execute("INSERT OR REPLACE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return int(row[1])

    def add(self, wkb: NDArray[Any], names: NDArray[Any], ids: NDArray[Any], areas: NDArray[Any]) -> None:
        """Adds polygons as WKB (N), with class, class id and area (N each), NaN if unknown."""
        import shapely

        bounds = shapely.bounds(shapely.from_wkb(wkb))  # N,4: west, south, east, north
        numbers = range(self._count + 1, self._count + len(wkb) + 1)
        boxes = bounds[:, [0, 2, 1, 3]].tolist()  # the order of the format: west, east, south, north
        shapes = [_HEADER.pack(b"GP", 0, _WITH_BOUNDS, self._srs, *box) + w for box, w in zip(boxes, wkb, strict=True)]
        known = [None if np.isnan(area) else area for area in areas.tolist()]
        rows = zip(numbers, shapes, names.tolist(), ids.tolist(), known, strict=True)
        self._file.executemany("INSERT INTO {layer} VALUES (?, ?, ?, ?, ?)".format_map(self._names), rows)
        places = ((number, *box) for number, box in zip(numbers, boxes, strict=True))
        self._file.executemany("INSERT INTO {index} VALUES (?, ?, ?, ?, ?)".format_map(self._names), places)
        self._count += len(wkb)
        least, most = np.fmin(self._bounds, bounds.min(0)), np.fmax(self._bounds, bounds.max(0))
        self._bounds = np.concatenate([least[:2], most[2:]])

    def finish(self) -> None:
        """Describes the layer, completes its index, and closes the file."""
        extent = [None if np.isnan(each) else each for each in self._bounds.tolist()]
        contents = (self._layer, self._layer, *extent, self._srs)
        self._file.execute(
            "INSERT INTO gpkg_contents"
            " (table_name, data_type, identifier, last_change, min_x, min_y, max_x, max_y, srs_id)"
            f" VALUES (?, 'features', ?, '{_LAST_CHANGE}', ?, ?, ?, ?, ?)",
            contents,
        )
        self._file.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POLYGON', ?, 0, 0)", (self._layer, self._srs)
        )
        extensions = [(self._layer if table is None else table, *more) for table, *more in EXTENSIONS]
        self._file.executemany("INSERT INTO gpkg_extensions VALUES (?, ?, ?, ?, ?)", extensions)
        for name, rule in TRIGGERS.items():  # last: their functions exist only in programs that edit such files
            trigger = quoted(f"rtree_{self._layer}_geom_{name}")
            self._file.execute(f"CREATE TRIGGER {trigger} {rule.format_map(self._names)}")
        self._file.commit()
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _older_wkt(crs: CRS) -> str:
    """The CRS as programs read it that do not know WKT 2; `undefined` where that cannot say it."""
    try:
        return str(crs.to_wkt(version="WKT1_GDAL"))
    except CRSError:
        return "undefined"
