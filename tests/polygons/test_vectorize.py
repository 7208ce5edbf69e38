import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pyogrio.raw
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.card import Task
from smalti.errors import MissingExtraError, OutputError, RasterError
from smalti.polygons.trace import trace
from smalti.polygons.vectorize import polygons
from smalti.raster.grid import Grid

TASK = Task(name="cover", labels=("land", "water", "building"))
UTM = CRS.from_epsg(32633)


def blobs(seed: int = 1, height: int = 60, width: int = 50) -> NDArray[np.uint8]:
    """Smooth areas of three classes and no data (3)."""
    noise = np.random.default_rng(seed).random((height // 5, width // 5, 4), np.float32)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).argmax(2).astype(np.uint8)


def noise(seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 3, (31, 40)).astype(np.uint8)


def write(path: Path, classes: NDArray[np.uint8], grid: Grid | None = None, **options: object) -> tuple:
    """Geometries, class names, class ids and areas as read back from the file."""
    grid = grid or Grid(*classes.shape, Affine(1, 0, 500000, 0, -1, 5000000), UTM)
    count = polygons(lambda window: classes[window.slices()], grid, TASK, path, **options)
    _, _, wkb, data = pyogrio.raw.read(path)
    assert len(wkb) == count
    return shapely.from_wkb(wkb), *data


def sorted_shapes(shapes: NDArray[object], ids: NDArray[np.int32]) -> list[tuple[str, int]]:
    return sorted(zip(shapely.to_wkt(shapely.normalize(shapes), rounding_precision=-1), ids.tolist(), strict=True))


@pytest.mark.parametrize("classes", [blobs(), noise(), np.zeros((1, 1), np.uint8), noise()[:1], noise()[:, :1]])
def test_pieces_are_valid_and_cover_their_pixels(classes: NDArray[np.uint8]) -> None:
    pieces = trace(classes, None, None)
    assert shapely.is_valid(pieces.polygons).all()
    assert np.array_equal(shapely.area(pieces.polygons), np.bincount(pieces.labels.ravel()))
    assert shapely.coverage_is_valid(pieces.polygons)
    assert np.array_equal(pieces.classes[pieces.labels], classes)


def test_a_hole_that_touches_the_outline_stays_a_hole() -> None:
    classes = np.array([[1, 1, 0], [1, 2, 1], [1, 1, 1]], np.uint8)
    ring = trace(classes, None, None)
    found = ring.polygons[ring.classes == 1][0]
    assert found.is_valid and found.area == 7 and len(found.interiors) == 1


@pytest.mark.parametrize("classes", [blobs(), noise()])
def test_unsimplified_polygons_do_not_depend_on_the_strips(tmp_path: Path, classes: NDArray[np.uint8]) -> None:
    path = tmp_path / "a.gpkg"
    shapes, _, ids, _ = write(path, classes, simplify_m=0)
    assert np.array_equal(np.bincount(ids, shapely.area(shapes)), np.bincount(classes[classes < 3]))
    for rows in (7, 1):
        other = write(path, classes, simplify_m=0, strip_pixels=rows * classes.shape[1])
        assert sorted_shapes(other[0], other[2]) == sorted_shapes(shapes, ids)


@pytest.mark.parametrize("rows", [100, 20, 3])
@pytest.mark.parametrize("tolerance", [0.75, 3])
def test_simplified_neighbours_leave_no_gap_and_no_overlap(tmp_path: Path, rows: int, tolerance: float) -> None:
    classes = blobs() % 3
    shapes, _, _, areas = write(tmp_path / "a.gpkg", classes, simplify_m=tolerance, strip_pixels=rows * 50)
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    assert shapely.union_all(shapes).equals(shapely.box(500000, 5000000 - 60, 500050, 5000000))
    assert areas.sum() == pytest.approx(classes.size, rel=1e-3)


def test_a_straight_slanting_border_shows_no_seam(tmp_path: Path) -> None:
    row, col = np.mgrid[:64, :64]
    classes = (2 * col + row > 90).astype(np.uint8)
    whole = write(tmp_path / "a.gpkg", classes)[0]
    strips = write(tmp_path / "b.gpkg", classes, strip_pixels=16 * 64)[0]
    assert shapely.hausdorff_distance(whole[0].exterior, strips[0].exterior) < 1.5
    assert len(strips[0].exterior.coords) <= len(whole[0].exterior.coords) + 3 * 2  # three seams


def test_names_ids_areas_and_layer(tmp_path: Path) -> None:
    classes = np.zeros((8, 8), np.uint8)
    classes[2:5, 2:6] = 2
    classes[7] = 255
    grid = Grid(8, 8, Affine(0.5, 0, 500000, 0, -0.5, 5000000), UTM)
    _, names, ids, areas = write(tmp_path / "a.gpkg", classes, grid, layer="houses")
    assert dict(zip(names, ids, strict=True)) == {"land": 0, "building": 2}
    assert dict(zip(names, areas, strict=True)) == pytest.approx({"land": 11.0, "building": 3.0}, rel=1e-3)
    info = pyogrio.read_info(tmp_path / "a.gpkg")
    assert info["layer_name"] == "houses" and info["crs"] == "EPSG:32633"
    assert [file.name for file in tmp_path.iterdir()] == ["a.gpkg"]


def test_small_areas_become_part_of_their_neighbour(tmp_path: Path) -> None:
    classes = np.full((20, 20), 255, np.uint8)
    classes[:10] = 0
    classes[4, 4:7] = 1
    classes[2:6, 12:14] = 2
    classes[15, 15] = 1  # an island amid no data
    for rows in (20, 7):
        shapes, names, _, areas = write(
            tmp_path / "a.gpkg", classes, min_area_m2=5, simplify_m=0, strip_pixels=rows * 20
        )
        expected = {"land": 192.0, "building": 8.0, "water": 1.0}
        assert dict(zip(names, areas, strict=True)) == pytest.approx(expected, rel=1e-3)
        assert shapely.union_all(shapes).area == 201


@pytest.mark.parametrize("min_area_m2", [60, 3e3, 1e9])
def test_no_limit_loses_a_polygon(tmp_path: Path, min_area_m2: float) -> None:
    classes = blobs(3) % 3
    shapes, _, _, areas = write(tmp_path / "a.gpkg", classes, min_area_m2=min_area_m2, strip_pixels=20 * 50)
    assert shapely.area(shapes).sum() == classes.size and shapely.coverage_is_valid(shapes)
    assert len(shapes) == 1 or areas.min() >= min_area_m2


def test_degrees_and_mercator_give_square_metres(tmp_path: Path) -> None:
    classes = np.ones((10, 10), np.uint8)
    degrees = Grid(10, 10, Affine(1e-5, 0, 15, 0, -1e-5, 60), CRS.from_epsg(4326))
    assert write(tmp_path / "a.gpkg", classes, degrees)[3][0] == pytest.approx(5.5800 * 11.1412, rel=1e-4)
    mercator = Grid(10, 10, Affine(2, 0, 0, 0, -2, 8399737.9), CRS.from_epsg(3857))
    assert write(tmp_path / "b.gpkg", classes, mercator)[3][0] == pytest.approx(100, rel=5e-3)


def test_geojson_is_in_degrees(tmp_path: Path) -> None:
    write(tmp_path / "a.geojson", blobs())
    text = json.loads((tmp_path / "a.geojson").read_text())
    assert "crs" not in text
    x, y = text["features"][0]["geometry"]["coordinates"][0][0]
    assert x == pytest.approx(15, abs=0.01) and y == pytest.approx(45.15, abs=0.01)


def test_every_format_holds_the_same(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    first = write(tmp_path / "a.gpkg", blobs())
    assert sorted_shapes(*write(tmp_path / "a.fgb", blobs())[0::2][:2]) == sorted_shapes(first[0], first[2])
    grid = Grid(60, 50, Affine(1, 0, 500000, 0, -1, 5000000), UTM)
    polygons(lambda window: blobs()[window.slices()], grid, TASK, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    shapes = shapely.from_wkb(np.array(table["geometry"].to_pylist(), object))
    assert sorted_shapes(shapes, table["class_id"].to_numpy()) == sorted_shapes(first[0], first[2])
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["columns"]["geometry"]["crs"]["id"] == {"authority": "EPSG", "code": 32633}


@pytest.mark.parametrize("ending", [".gpkg", ".fgb", ".geojson"])
def test_nothing_to_draw_gives_an_empty_layer(tmp_path: Path, ending: str) -> None:
    assert len(write(tmp_path / f"a{ending}", np.full((4, 4), 255, np.uint8))[0]) == 0


def test_without_a_crs_areas_are_null_and_metres_are_refused(tmp_path: Path) -> None:
    nowhere = Grid(60, 50)
    areas = write(tmp_path / "a.gpkg", blobs(), nowhere)[3]
    assert np.isnan(areas).all()
    for option in ({"min_area_m2": 5.0}, {"simplify_m": 1.0}):
        with pytest.raises(RasterError, match="no CRS"):
            write(tmp_path / "b.gpkg", blobs(), nowhere, **option)
    assert not (tmp_path / "b.gpkg").exists()


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="there is no such folder"):
        write(tmp_path / "no" / "a.gpkg", blobs())
    with pytest.raises(OutputError, match=r"is not a polygon format; expected one of .gpkg"):
        write(tmp_path / "a.kml", blobs())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"smalti\[parquet\]"):
        write(tmp_path / "a.parquet", blobs())

    def fail(window: object) -> NDArray[np.uint8]:
        raise RasterError("cannot be read")

    with pytest.raises(RasterError, match="cannot be read"):
        polygons(fail, Grid(4, 4), TASK, tmp_path / "a.gpkg")
    assert not list(tmp_path.iterdir())
