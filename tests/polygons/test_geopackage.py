"""GeoPackages as GDAL reads and edits them."""

import sys
from pathlib import Path

import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import shapely
from rasterio.crs import CRS

from smalti.card import Task
from smalti.errors import MissingExtraError
from smalti.polygons.geopackage import GeoPackage
from smalti.polygons.vectorize import polygons
from smalti.raster.grid import Grid

LAYER = 'what "stands" {here}'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Squares in two batches; each begins at ten times its number."""
    file = GeoPackage(tmp_path / "a.gpkg", LAYER, CRS.from_epsg(32633))
    for batch in (range(3), range(3, 7)):
        squares = np.array([shapely.box(10 * k, 0, 10 * k + 5, 5) for k in batch], object)
        names, areas = np.array([f"é{k}" for k in batch], object), np.array([np.nan if k == 4 else 25.0 for k in batch])
        file.add(shapely.to_wkb(squares), names, np.array(batch, np.int32), areas)
    file.finish()
    return tmp_path / "a.gpkg"


def test_gdal_reads_what_was_written(package: Path) -> None:
    info = pyogrio.read_info(package, force_feature_count=True, force_total_bounds=True)
    assert (info["layer_name"], info["crs"], info["features"]) == (LAYER, "EPSG:32633", 7)
    assert info["total_bounds"] == (0, 0, 65, 5) and info["geometry_type"] == "Polygon"
    meta, _, wkb, (names, ids, areas) = pyogrio.raw.read(package)
    assert list(meta["fields"]) == ["class", "class_id", "area_m2"] and shapely.from_wkb(wkb)[6].bounds == (
        60,
        0,
        65,
        5,
    )
    assert names[6] == "é6" and ids.tolist() == list(range(7)) and np.flatnonzero(np.isnan(areas)).tolist() == [4]


def test_the_index_finds_what_was_written_and_what_another_program_adds(package: Path) -> None:
    def near(west: float) -> list[int]:
        return pyogrio.raw.read(package, bbox=(west, 0, west + 5, 5))[3][1].tolist()

    assert near(31) == [3]
    new = [np.array(["new"], object), np.array([9], np.int32), np.array([1.0])]
    names = ["class", "class_id", "area_m2"]
    box = shapely.to_wkb(np.array([shapely.box(200, 0, 201, 1)], object))
    kind = {"layer": LAYER, "geometry_type": "Polygon", "crs": "EPSG:32633", "append": True}
    pyogrio.raw.write(package, box, new, names, **kind)
    assert near(200) == [9] and near(31) == [3]


def test_polygons_need_no_second_gdal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyogrio", None)
    classes, task = np.eye(8, dtype=np.uint8), Task(name="cover", labels=("land", "water"))
    for ending in (".gpkg", ".geojson"):
        for _ in range(2):  # the second one replaces the first
            found = polygons(
                lambda window: classes[window.slices()], Grid(8, 8), task, tmp_path / f"a{ending}", warn=print
            )
            assert found == 10
    with pytest.raises(MissingExtraError, match=r"pyogrio, which writes .fgb, .*smalti\[vector\]"):
        polygons(lambda window: classes[window.slices()], Grid(8, 8), task, tmp_path / "a.fgb")
