"""Vector files of polygons: GeoPackage, GeoParquet, GeoJSON and FlatGeobuf, written atomically."""

import json
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smalti.errors import MissingExtraError, OutputError, OutputWarning, Warn
from smalti.errors import warn as issue
from smalti.files import appearing, check_place
from smalti.polygons.degrees import Degrees, decimals, in_own_units, lies_on_earth
from smalti.polygons.geojson import GeoJson
from smalti.polygons.geopackage import GeoPackage
from smalti.polygons.own_file import FIELDS, check_only_ours
from smalti.raster.check import first_line
from smalti.raster.grid import Grid
from smalti.raster.ground import wkt_of
from smalti.raster.other_vectors import need_pyogrio
from smalti.raster.plain_name import plain_name
from smalti.raster.quiet import recorded

ToCoordinates = Callable[[NDArray[Any]], NDArray[Any]]
FORMATS = (".gpkg", ".parquet", ".geojson", ".fgb")
_EMPTY = (np.array([], object), np.array([], object), np.array([], np.int32), np.array([], np.float64))


class VectorFile:
    """Writes polygons to a temporary file that `commit` renames to the final one."""

    def __init__(self, path: Path, grid: Grid, layer: str, warn: Warn = issue) -> None:
        check_target(path)
        self._path, self._warn, self.count = path, warn, 0
        self._warned: set[str] = set()
        self._placed = _placing(path, grid, self._warn_once)
        self._stack = ExitStack()
        unfinished = self._stack.enter_context(appearing(path, path.suffix))
        try:
            self._sink = _sink(unfinished, grid, layer)
        except sqlite3.Error as error:  # the disk may be full already
            failure = self._failure(error)
            with suppress(OutputError):
                self._stack.__exit__(type(failure), failure, None)
            raise failure from None

    def add(
        self,
        polygons: NDArray[Any],
        classes: NDArray[np.uint8],
        labels: tuple[str, ...],
        areas: NDArray[np.float64],
    ) -> None:
        """Adds polygons (N) in pixels (x = column, y = row), with class ids (N) and areas (N) in m², NaN if unknown."""
        import shapely

        if not len(polygons):
            return
        placed = self._placed(polygons)
        names = np.array(labels, object)[classes]
        self.count += len(placed)
        self._try(self._sink.add, shapely.to_wkb(placed), names, classes.astype(np.int32), np.round(areas, 6))

    def commit(self) -> None:
        """Completes the file and gives it its name."""
        self._try(self._sink.finish)
        self._stack.close()

    def _try(self, call: Any, *arguments: Any) -> None:
        try:
            with recorded() as heard:
                call(*arguments)
            for warning in heard:
                self._warn_once(str(warning.message).splitlines()[0])
        except (OSError, sqlite3.Error, ValueError, RuntimeError) as error:
            raise self._failure(error) from None

    def _warn_once(self, text: str) -> None:
        """Warns in one line, only once."""
        if text not in self._warned:
            self._warned.add(text)
            self._warn(OutputWarning(f"{self._path}: {text}"))

    def _failure(self, error: Exception) -> OutputError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        return OutputError(f"{self._path}: the polygons cannot be written: {reason}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sink.close()
        abandoned = OutputError(f"{self._path}: not completed")  # has no effect after `commit`
        with suppress(OutputError):
            self._stack.__exit__(type(abandoned), abandoned, None)


def check_target(path: Path) -> None:
    """OutputError if polygons cannot be written there, or would replace anything but polygons of a map.

    MissingExtraError for .parquet without pyarrow, and for .fgb without pyogrio.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise OutputError(f"{ending or 'no ending'} is not a polygon format; expected one of {', '.join(FORMATS)}")
    check_place(path)
    if ending == ".parquet":
        _import_pyarrow()
    if ending == ".fgb":
        need_pyogrio("writes .fgb")
    check_only_ours(path)


def _import_pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("pyarrow, which writes .parquet,", "parquet") from None
    return pyarrow


def _placing(path: Path, grid: Grid, say: Callable[[str], None]) -> ToCoordinates:
    """The transformation of polygons from pixels to the coordinates of a file."""
    if _is_geojson(path):
        if lies_on_earth(grid):
            return Degrees(grid)
        say("its coordinates are not longitudes and latitudes, as GeoJSON requires, since those of the map are unknown")
    return partial(_in_own_units, grid)


def _in_own_units(grid: Grid, polygons: NDArray[Any]) -> NDArray[Any]:
    import shapely

    placed: NDArray[Any] = shapely.transform(polygons, partial(in_own_units, grid))
    return placed


def _is_geojson(path: Path) -> bool:
    return path.suffix.lower() == ".geojson"


def _sink(path: Path, grid: Grid, layer: str) -> "GeoPackage | GeoJson | _FlatGeobuf | _Parquet":
    match path.suffix.lower():
        case ".gpkg":
            return GeoPackage(path, layer, grid.crs)
        case ".geojson":
            return GeoJson(path, layer, decimals(grid) if lies_on_earth(grid) else None)
        case ".fgb":
            return _FlatGeobuf(path, grid, layer)
    return _Parquet(path, grid)


class _FlatGeobuf:
    """FlatGeobuf, written by GDAL in one go."""

    def __init__(self, path: Path, grid: Grid, layer: str) -> None:
        self._path, self._layer = path, layer
        self._crs = wkt_of(grid.crs) if grid.crs is not None else None
        self._kept: list[tuple[NDArray[Any], ...]] = [_EMPTY]

    def add(self, *columns: NDArray[Any]) -> None:
        self._kept.append(columns)

    def finish(self) -> None:
        import pyogrio.raw

        shapes, *columns = (np.concatenate(column) for column in zip(*self._kept, strict=True))
        with plain_name(self._path) as name, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")  # a map of a photo has no CRS
            known = {"geometry_type": "Polygon", "crs": self._crs, "layer": self._layer}
            pyogrio.raw.write(name, shapes, columns, list(FIELDS), **known)

    def close(self) -> None:
        self._kept = []


class _Parquet:
    """GeoParquet 1.1, written by pyarrow row group by row group."""

    def __init__(self, path: Path, grid: Grid) -> None:
        pyarrow = _import_pyarrow()
        column: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Polygon"], "crs": None}
        if grid.crs is not None:
            import pyproj

            column["crs"] = pyproj.CRS.from_wkt(wkt_of(grid.crs)).to_json_dict()
        geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
        self._schema = pyarrow.schema(
            {
                "class": pyarrow.string(),
                "class_id": pyarrow.int32(),
                "area_m2": pyarrow.float64(),
                "geometry": pyarrow.binary(),
            },
            metadata={"geo": json.dumps(geo)},
        )
        self._record = pyarrow.RecordBatch
        self._array = pyarrow.array
        self._path = path.absolute()  # `a:b.parquet` alone is taken for a URL
        self._open = pyarrow.parquet.ParquetWriter
        self._file: Any = None

    def add(self, shapes: NDArray[Any], names: NDArray[Any], ids: NDArray[Any], areas: NDArray[Any]) -> None:
        self._start()
        columns = zip((names, ids, areas, shapes), self._schema.types, strict=True)
        arrays = [self._array(column, kind, from_pandas=True) for column, kind in columns]  # NaN becomes null
        self._file.write_batch(self._record.from_arrays(arrays, schema=self._schema))

    def _start(self) -> None:
        if self._file is None:
            self._file = self._open(self._path, self._schema, compression="zstd")

    def finish(self) -> None:
        self._start()
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
