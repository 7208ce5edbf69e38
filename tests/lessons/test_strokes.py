import json
import shutil
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS

from smalti.card import Task
from smalti.errors import LabelError, SmaltiWarning
from smalti.lessons.classes import plan_classes
from smalti.lessons.strokes import Stroke, draw, read_strokes
from smalti.raster.grid import Grid
from tests.lessons.places import PLACE
from tests.zones.maps import UTM, at, zone_file

TASK = Task(name="cover", labels=("land", "water"))
PLAN = plan_classes(TASK, {})
ON_GROUND = Grid(96, 96, PLACE, CRS.from_user_input(UTM))


def _read(path: Path, grid: Grid = ON_GROUND) -> tuple[list[Stroke], list[str]]:
    """The strokes of a file, and the warnings about it."""
    heard: list[SmaltiWarning] = []
    return read_strokes(str(path), grid, PLAN, "scene.tif", heard.append), [str(each) for each in heard]


def _line(*points: tuple[float, float]) -> Any:
    """A line given in pixels."""
    return shapely.LineString([at(*point, PLACE) for point in points])


@pytest.mark.parametrize("top", [0.2, 2.5, 3.5])
def test_a_polygon_narrower_than_a_cell_is_not_lost(top: float) -> None:
    """However it lies between the centres of the cells."""
    thin = shapely.box(4, top, 40, top + 1.2)
    assert (draw([thin], (0, 0), 4, (8, 12))[:2].any(axis=0) == ([False] + [True] * 9 + [False] * 2)).all()


def test_a_wide_polygon_covers_the_cells_whose_centre_it_contains() -> None:
    drawn = draw([shapely.box(3, 3, 15, 15)], (0, 0), 4, (8, 8))
    expected = np.zeros((8, 8), np.int32)
    expected[1:4, 1:4] = 1
    assert (drawn == expected).all()


def test_parts_of_a_shape_are_drawn_as_if_alone() -> None:
    parts = [shapely.box(3, 3, 15, 15), shapely.box(21.5, 21.5, 22, 22), shapely.LineString([(0, 30), (31, 30)])]
    expected = sum(draw([part], (0, 0), 4, (8, 8)) for part in parts)
    whole = shapely.GeometryCollection([shapely.MultiPolygon(parts[:2]), parts[2]])
    assert (draw([whole], (0, 0), 4, (8, 8)) == expected).all() and expected.sum() == 9 + 1 + 8


def test_a_tangle_is_drawn_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its width is not computed, as that takes hours."""
    corners = np.random.default_rng(0).uniform(8, 24, (5000, 2))
    monkeypatch.setattr(type(shapely.Polygon()), "buffer", lambda *_: pytest.fail("the width was computed"))
    for tangle in (shapely.Polygon(corners), shapely.LineString(corners)):
        drawn = draw([tangle], (0, 0), 4, (8, 8))
        assert drawn[2:6, 2:6].all() and drawn.sum() == 16


def test_tangles_contradict_each_other_without_looking_at_all_crossings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    tangles = [_line(*random.uniform(8, 24, (500, 2)).tolist()) for _ in range(2)]
    monkeypatch.setattr(type(shapely.LineString()), "touches", lambda *_: pytest.fail("all crossings were computed"))
    found, heard = _read(zone_file(tmp_path / "s.gpkg", tangles, **{"class": ["land", "water"]}))
    assert len(found) == 2 and "cover the same pixels" in heard[0]


def test_strokes_without_a_class_are_counted(tmp_path: Path) -> None:
    lines = [_line((5, 5 + 6 * k), (20, 5 + 6 * k)) for k in range(5)]
    names = np.array(["land", None, "", " ", " water "], object)
    kind = {"geometry_type": "LineString", "crs": UTM}
    pyogrio.raw.write(tmp_path / "s.gpkg", shapely.to_wkb(np.array(lines)), [names], ["class"], **kind)
    found, heard = _read(tmp_path / "s.gpkg")
    assert [stroke.label for stroke in found] == [0, 1]
    text = "3 of 5 strokes have no class; fill in the attribute `class`"
    assert heard == [f"{tmp_path / 's.gpkg'}: {text}"]
    pyogrio.raw.write(tmp_path / "t.gpkg", shapely.to_wkb(np.array(lines)), [names[1:2].repeat(5)], ["class"], **kind)
    with pytest.raises(LabelError, match="holds no stroke with a class"):
        _read(tmp_path / "t.gpkg")


def test_strokes_beside_the_scene_are_counted(tmp_path: Path) -> None:
    lines = [_line((5, 5), (20, 5)), _line((500, 5), (520, 5)), _line((-90, 5), (-80, 5))]
    found, heard = _read(zone_file(tmp_path / "s.gpkg", lines, **{"class": ["land"] * 3}))
    assert len(found) == 1 and heard == [f"{tmp_path / 's.gpkg'}: 2 of 3 strokes lie beside scene.tif"]


def _geojson(path: Path, *points: tuple[float, float]) -> Path:
    geometry = {"type": "LineString", "coordinates": points}
    feature = {"type": "Feature", "properties": {"class": "land"}, "geometry": geometry}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


@pytest.mark.parametrize(("sign", "scale"), [(1, 1), (-1, 1), (-1, 2)])
def test_on_an_image_without_georeference_coordinates_are_pixels(tmp_path: Path, sign: int, scale: int) -> None:
    """GeoJSON cannot be without a CRS; QGIS counts the rows of such an image by negative numbers.

    Also where the network sees larger pixels than those of the image.
    """
    expected = shapely.LineString([(10 / scale, 50 / scale), (20 / scale, 52 / scale)])
    line = shapely.LineString([(10, sign * 50), (20, sign * 52)])
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        zone_file(tmp_path / "s.gpkg", [line], crs=None, **{"class": ["land"]})
    for number in (-1, 0):  # as some programs write it
        with closing(sqlite3.connect(shutil.copy(tmp_path / "s.gpkg", tmp_path / f"{number}.gpkg"))) as file, file:
            file.execute("UPDATE gpkg_geometry_columns SET srs_id = ?", (number,))
    named = [tmp_path / f"{name}.gpkg" for name in ("s", -1, 0)]
    for path in (*named, _geojson(tmp_path / "s.geojson", *line.coords)):
        (found,), _ = _read(path, Grid(96 // scale, 96 // scale, Affine.scale(scale)))
        assert found.shape == expected


def test_degrees_on_an_image_without_georeference_are_refused(tmp_path: Path) -> None:
    path = _geojson(tmp_path / "s.geojson", (85.52, 27.63), (85.53, 27.64))
    with pytest.raises(LabelError, match=r"such as 85\.52, 27\.63, are longitudes .* expected columns and rows"):
        _read(path, Grid(96, 96))
    with pytest.raises(LabelError, match=r"the image has none; .* write them without one"):
        _read(path, Grid(96, 96, PLACE))


def test_labels_of_a_whole_city_are_no_strokes(tmp_path: Path) -> None:
    points = [shapely.Point(at(k % 90, k // 90, PLACE)) for k in range(5001)]
    with pytest.raises(LabelError, match=r"holds 5,001 strokes; expected up to 5,000; .* smalti train"):
        _read(zone_file(tmp_path / "s.gpkg", points, **{"class": ["land"] * len(points)}))


@pytest.mark.parametrize("kind", [8, 9])
def test_curves_are_read_with_gdal_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    ends = [at(*point, PLACE) for point in ((10, 10), (20, 14), (30, 10))]
    arc = struct.pack("<BII6d", 1, 8, 3, *(value for point in ends for value in point))
    curve = arc if kind == 8 else struct.pack("<BII", 1, 9, 1) + arc
    with (
        closing(
            sqlite3.connect(zone_file(tmp_path / "s.gpkg", [_line((1, 1), (9, 9))], **{"class": ["land"]}))
        ) as file,
        file,
    ):
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')  # they call functions that only GDAL has
        file.execute("UPDATE s SET geom = ?", (b"GP\0\1" + struct.pack("<i", 32633) + curve,))
        file.execute(
            "UPDATE gpkg_geometry_columns SET geometry_type_name = ?",
            ("CIRCULARSTRING" if kind == 8 else "COMPOUNDCURVE",),
        )
    (found,), _ = _read(tmp_path / "s.gpkg")
    assert found.shape.distance(shapely.Point(20, 14)) < 0.1
    monkeypatch.setattr("smalti.raster.feature_file.find_spec", lambda _: None)
    with pytest.raises(LabelError, match=r"has curves, .* ogr2ogr -nlt CONVERT_TO_LINEAR"):
        _read(tmp_path / "s.gpkg")


@pytest.mark.parametrize("gdal", [True, False])
def test_a_locked_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gdal: bool) -> None:
    path = zone_file(tmp_path / "s.gpkg", [_line((1, 1), (9, 9))], **{"class": ["land"]})
    if gdal:
        monkeypatch.setenv("SQLITE_BUSY_TIMEOUT", "1")
    else:
        monkeypatch.setattr("smalti.raster.feature_file.find_spec", lambda _: None)
        monkeypatch.setattr("sqlite3.connect", partial(sqlite3.connect, timeout=0.01))
    hold = "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]); file.execute('BEGIN EXCLUSIVE'); "
    code = f"{hold}file.execute('CREATE TABLE more (a)'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdout.readline()
        with pytest.raises(LabelError, match="is locked; end what another program writes to it, and run again"):
            _read(path)
        other.communicate()


def test_features_without_a_shape_are_counted(tmp_path: Path) -> None:
    lines = np.array([_line((1, 1), (9, 9)), None, None], object)
    names, kind = np.array(["land"] * 3, object), {"geometry_type": "LineString", "crs": UTM}
    pyogrio.raw.write(tmp_path / "s.gpkg", shapely.to_wkb(lines), [names], ["class"], **kind)
    found, heard = _read(tmp_path / "s.gpkg")
    assert len(found) == 1 and "2 features without a shape" in heard[0] and len(heard) == 1


def test_a_class_of_other_case_is_suggested(tmp_path: Path) -> None:
    path = zone_file(tmp_path / "s.gpkg", [_line((1, 1), (9, 9))], **{"class": ["WATER"]})
    with pytest.raises(LabelError, match=r"did you mean water\?; add it as a new class: --class WATER="):
        _read(path)


@pytest.mark.parametrize(
    ("value", "error"), [(255, "holds no stroke"), (9, "unknown class value 9 in 9,216 pixels|9216")]
)
def test_a_raster_of_other_values_is_refused(tmp_path: Path, value: int, error: str) -> None:
    kind = {"count": 1, "dtype": "uint8", "crs": UTM, "transform": PLACE}
    with rasterio.open(tmp_path / "s.tif", "w", "GTiff", 96, 96, **kind) as file:
        file.write(np.full((1, 96, 96), value, np.uint8))
    with pytest.raises(LabelError, match=error) as refused:
        _read(tmp_path / "s.tif")
    assert str(refused.value).endswith("; expected the ids of classes, one band: 0 land, 1 water; and 255 elsewhere")


def test_a_raster_on_finer_pixels_of_the_scene_is_read(tmp_path: Path) -> None:
    ids = np.full((192, 192), 255, np.uint8)
    ids[20:30, 40:60] = 1
    fine = Affine(PLACE.a / 2, 0, PLACE.c, 0, PLACE.e / 2, PLACE.f)
    kind = {"count": 1, "dtype": "uint8", "crs": UTM, "transform": fine, "nodata": 255}
    with rasterio.open(tmp_path / "strokes.tif", "w", "GTiff", 192, 192, **kind) as file:
        file.write(ids, 1)
    [stroke], _ = _read(tmp_path / "strokes.tif")
    assert stroke.label == 1 and stroke.shape.bounds == pytest.approx((20, 10, 30, 15))
