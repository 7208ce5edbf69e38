"""GeoPackages are read without pyogrio as with it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from smalti.errors import LabelError
from smalti.polygons.file import VectorFile
from smalti.raster import feature_file
from smalti.raster.feature_file import read_features
from smalti.raster.grid import Grid
from smalti.raster.label_spec import LabelSpec
from tests.zones.maps import UTM, at, zone_file

PLACE = Affine(0.5, 0, 500000, 0, -0.5, 5000000)
GRID = Grid(200, 300, PLACE, CRS.from_string(UTM))
SPEC = LabelSpec()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads as if pyogrio were not installed."""

    def read(path: Path, grid: Grid, spec: LabelSpec = SPEC) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(feature_file, "find_spec", lambda _: None)
            return read_features(str(path), grid, spec)

    return read


def _same(one: Any, other: Any) -> bool:
    return bool(shapely.equals_exact(one[0], other[0], 1e-6).all()) and one[1].tolist() == other[1].tolist()


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
@pytest.mark.parametrize("crs", [UTM, "EPSG:4326", "EPSG:3857", None])
def test_shapes_and_values_are_those_of_gdal(tmp_path: Path, alone: Any, crs: str | None) -> None:
    shapes = [
        shapely.LineString([at(10, 10, PLACE), at(40, 20, PLACE)]),
        shapely.box(*at(50, 80, PLACE), *at(90, 60, PLACE)),
    ]
    if crs in ("EPSG:4326", "EPSG:3857"):
        shapes = [shapely.LineString([(15, 45.1), (15.001, 45.101)]), shapely.box(15.0, 45.1, 15.002, 45.102)]
    path = zone_file(tmp_path / "a b.gpkg", shapes, crs, **{"class": ["road", "roof"], "other": [1, 2]})
    grid = Grid(GRID.height, GRID.width, PLACE, CRS.from_string(crs) if crs and crs != UTM else GRID.crs)
    assert _same(alone(path, grid), read_features(str(path), grid, SPEC))
    other = LabelSpec(attribute="other")
    assert alone(path, grid, other)[1].tolist() == [1, 2]


def test_polygons_of_maps_are_read_with_and_without_a_crs(tmp_path: Path, alone: Any) -> None:
    for number, grid in enumerate((GRID, Grid(200, 300, Affine.identity(), None))):
        path = tmp_path / f"{number}.gpkg"
        with VectorFile(path, grid, "zones") as file:
            shapes = np.array([shapely.box(10, 20, 30, 40), shapely.box(50, 60, 70, 80)], object)
            file.add(shapes, np.array([1, 0], np.uint8), ("land", "road"), np.full(2, np.nan))
            file.commit()
        assert _same(alone(path, grid), read_features(str(path), grid, SPEC))
        assert alone(path, grid)[0][0].bounds == pytest.approx((10, 20, 30, 40))


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, alone: Any) -> None:
    (tmp_path / "broken.gpkg").write_bytes(b"SQLite format 3\0" + bytes(200))
    with pytest.raises(LabelError, match=r"cannot be read as a GeoPackage: .*; write it again"):
        alone(tmp_path / "broken.gpkg", GRID)
    with pytest.raises(LabelError, match="there is no such file"):
        alone(tmp_path / "none.gpkg", GRID)
    path = zone_file(tmp_path / "a.gpkg", [shapely.Point(at(1, 1, PLACE))], **{"kind": ["road"], "more": [1]})
    with pytest.raises(LabelError, match="give `attribute`"):
        alone(path, GRID)
