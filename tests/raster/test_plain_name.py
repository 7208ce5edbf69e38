"""Signs in the names of vector files that libraries take for URLs and archives."""

import os
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from smalti.card import Task
from smalti.polygons.file import check_target
from smalti.polygons.vectorize import polygons
from smalti.raster.grid import Grid
from smalti.raster.labels import open_labels
from smalti.raster.plain_name import plain_name
from smalti.tiling import Window

TASK = Task(name="cover", labels=("land", "water"))
GRID = Grid(4, 6, Affine(1, 0, 500000, 0, -1, 5000000), CRS.from_epsg(32633))
CLASSES = np.repeat(np.array([[0, 0, 1, 1, 1, 0]], np.uint8), 4, 0)
WHOLE = Window(0, 0, 4, 6)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="these signs cannot be in names there")


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "fgb", "parquet"])
@pytest.mark.parametrize("stem", ["a!b", "a;b", "a:b", "a\\b", "d!e/f;g/a", "a?b#c d"])
def test_polygons_are_written_there_and_replaced(
    stem: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    path = Path(f"{stem}.{ending}")
    path.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        check_target(path)
        assert polygons(lambda window: CLASSES[window.slices()], GRID, TASK, path) == 3
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [tmp_path / path]
    if ending != "parquet":
        assert open_labels(path, GRID, TASK).read(WHOLE).tolist() == CLASSES.tolist()


def test_two_slashes_at_the_beginning_are_one(tmp_path: Path) -> None:
    path = Path(f"/{tmp_path}/a.gpkg")
    assert str(path).startswith("//")
    for _ in range(2):
        check_target(path)
        polygons(lambda window: CLASSES[window.slices()], GRID, TASK, path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.gpkg"]


def test_the_parts_of_a_shapefile_come_along(tmp_path: Path) -> None:
    shape = shapely.to_wkb(np.array([shapely.box(500002, 4999990, 500005, 5000010)]))
    place = {"geometry_type": "Polygon", "crs": "EPSG:32633"}
    pyogrio.raw.write(tmp_path / "a.shp", shape, [np.array(["water"], object)], ["class"], **place)
    for part in list(tmp_path.iterdir()):
        part.rename(tmp_path / f"x;y{part.suffix}")
    found = open_labels(tmp_path / "x;y.shp", GRID, TASK).read(WHOLE)
    assert (found == 1).tolist() == (CLASSES == 1).tolist()
    with plain_name(tmp_path / "x;y.shp") as name:
        assert Path(name).samefile(tmp_path / "x;y.shp")
    assert not Path(name).parent.exists()
