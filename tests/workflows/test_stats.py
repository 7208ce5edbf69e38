"""Area statistics per polygon."""

import csv
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from shapely.geometry import mapping

import smalti as sm
from smalti.errors import DataError, DataWarning, OptionError, OutputError, RasterError, SceneWarning
from smalti.zones import tally
from tests.zones.maps import NAMES, PLACE, UTM, at, box, class_map, moved, zone_file

PIXEL_HA = (2 / 0.9996) ** 2 / 1e4
"""Hectares of a pixel of 2 m on the central meridian."""
RNG = np.random.default_rng(5)
IDS = RNG.integers(0, 3, (40, 60)).astype(np.uint8)


def test_hectares_shares_and_pixels_of_each_class(tmp_path: Path) -> None:
    ids = np.zeros((4, 6), np.uint8)
    ids[:, 3:], ids[0] = 2, 255
    class_map(tmp_path / "map.tif", ids)
    zone_file(tmp_path / "zones.gpkg", [box(0, 0, 6, 4), box(2.5, 1, 3.25, 3)], name=["all", "part"], code=[7, 8])
    found = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg")
    assert list(found.columns) == [
        "feature", "zone_ha", "name", "code", "land_ha", "land_share", "land_pixels", "water_ha", "water_share",
        "water_pixels", "wood_ha", "wood_share", "wood_pixels", "nodata_ha", "nodata_pixels",
    ]  # fmt: skip
    whole, part = found.rows
    assert (whole["feature"], whole["name"], whole["code"], part["code"]) == (1, "all", 7, 8)
    assert (whole["land_pixels"], whole["wood_pixels"], whole["nodata_pixels"]) == (9, 9, 6)
    assert (part["land_pixels"], part["wood_pixels"], part["nodata_pixels"]) == (1, 0.5, 0)
    assert (whole["land_share"], whole["water_share"], part["wood_share"]) == (0.5, 0, pytest.approx(1 / 3))
    assert whole["wood_ha"] == pytest.approx(9 * PIXEL_HA, rel=1e-5)
    assert whole["zone_ha"] == pytest.approx(24 * PIXEL_HA, rel=1e-5)
    assert str(found).splitlines()[1].split() == ["zone", *NAMES, "nodata"]
    assert str(found).splitlines()[3].split()[0] == "part"


def test_holes_parts_overlaps_and_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class_map(tmp_path / "map.tif", IDS)
    holed = box(3, 2, 30.5, 33) - box(8, 8, 20, 20)
    parts = shapely.MultiPolygon([box(40, 1, 44, 4), box(50, 30, 59.5, 39)])
    zone_file(tmp_path / "zones.gpkg", [shapely.multipolygons([holed]), parts, parts])
    whole = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    counted = np.bincount(np.concatenate((IDS[1:4, 40:44].ravel(), IDS[30:39, 50:59].ravel())), minlength=3)
    half = np.bincount(IDS[30:39, 59], minlength=3) / 2
    assert [whole[1][f"{name}_pixels"] for name in NAMES] == pytest.approx((counted + half).tolist())
    assert sum(whole[0][f"{name}_pixels"] for name in NAMES) == pytest.approx(27.5 * 31 - 144)
    assert {**whole[2], "feature": 2} == whole[1]  # zones that overlap are measured each alone
    monkeypatch.setattr(tally, "ROWS", 7)
    monkeypatch.setattr(tally, "COLUMNS", 11)
    for row, other in zip(whole, sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows, strict=True):
        assert row == pytest.approx(other, rel=1e-9)


def test_several_maps_and_which_counts(tmp_path: Path) -> None:
    class_map(tmp_path / "a.tif", np.zeros((4, 6), np.uint8))
    above = np.full((4, 6), 1, np.uint8)
    above[0] = 255
    class_map(tmp_path / "b.tif", above, moved(4), names=("wood", "water"))
    zone_file(tmp_path / "zones.gpkg", [box(0, 0, 10, 4)])
    row = sm.stats([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "zones.gpkg").rows[0]
    assert (row["land_pixels"], row["water_pixels"], row["wood_pixels"], row["nodata_pixels"]) == (18, 18, 0, 4)
    other = sm.stats([tmp_path / "b.tif", tmp_path / "a.tif"], tmp_path / "zones.gpkg").rows[0]
    assert (other["land_pixels"], other["water_pixels"], other["nodata_pixels"]) == (24, 12, 4)
    class_map(tmp_path / "b.tif", np.full((4, 6), 255, np.uint8), moved(4), names=("wood", "water"))
    bare = sm.stats([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "zones.gpkg").rows[0]
    assert (bare["land_pixels"], bare["nodata_pixels"]) == (24, 16)
    class_map(tmp_path / "b.tif", above, moved(4), names=("wood", "water"))
    folder = sm.stats(tmp_path, tmp_path / "zones.gpkg")
    assert folder.rows == [row] and folder.maps == (str(tmp_path / "a.tif"), str(tmp_path / "b.tif"))


def test_where_a_map_of_another_crs_lies_on_top(tmp_path: Path) -> None:
    place = Affine(10, 0, 500000, 0, -10, 5000000)
    class_map(tmp_path / "a.tif", np.zeros((50, 50), np.uint8), place)
    to_other = pyproj.Transformer.from_crs(UTM, "EPSG:3857", always_xy=True)
    x, y = to_other.transform(500250, 4999750)
    class_map(tmp_path / "b.tif", np.ones((20, 20), np.uint8), Affine(10, 0, x, 0, -10, y), "EPSG:3857")
    zone_file(tmp_path / "zones.gpkg", [box(5, 5, 49, 49, place)])
    row = sm.stats([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "zones.gpkg").rows[0]
    assert row["water_pixels"] == pytest.approx(400, rel=1e-6)
    assert row["land_ha"] + row["water_ha"] == pytest.approx(row["zone_ha"], rel=2e-3)
    assert row["land_ha"] == pytest.approx(row["zone_ha"] - row["water_ha"], rel=2e-3)


@pytest.mark.parametrize(("west", "other"), [(170, -190), (-190, 170), (175, -190)])
def test_maps_a_turn_apart_lie_on_each_other(tmp_path: Path, west: float, other: float) -> None:
    ids = np.zeros((8, 80), np.uint8)
    class_map(tmp_path / "a.tif", ids, Affine(0.25, 0, west, 0, -0.25, 8), "EPSG:4326")
    class_map(tmp_path / "b.tif", ids + 1, Affine(0.25, 0, other, 0, -0.25, 8), "EPSG:4326")
    zone_file(tmp_path / "zones.gpkg", [shapely.box(176, 6.5, 179, 7.5)], "EPSG:4326")
    row = sm.stats([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "zones.gpkg").rows[0]
    assert (row["land_pixels"], row["water_pixels"]) == (0, 48)
    assert row["water_ha"] == pytest.approx(row["zone_ha"], rel=1e-3)


@pytest.mark.parametrize("other", ["EPSG:4326", "EPSG:3857", "EPSG:3035", "EPSG:32634"])
def test_zones_of_another_crs_have_the_same_statistics(tmp_path: Path, other: str) -> None:
    """Edges are straight in the zones' CRS: with a vertex every 10 m both mean the same."""
    class_map(tmp_path / "map.tif", IDS)
    zone = box(5.3, 4.6, 51.7, 35.2) - box(20, 10, 30, 20)
    to_other = pyproj.Transformer.from_crs(UTM, other, always_xy=True)
    turned = shapely.transform(shapely.segmentize(zone, 10), lambda xy: np.column_stack(to_other.transform(*xy.T)))
    zone_file(tmp_path / "own.gpkg", [zone])
    zone_file(tmp_path / "other.gpkg", [turned], other)
    own = sm.stats(tmp_path / "map.tif", tmp_path / "own.gpkg").rows[0]
    found = sm.stats(tmp_path / "map.tif", tmp_path / "other.gpkg").rows[0]
    for name in (*NAMES, "nodata", "zone"):
        assert found[f"{name}_ha"] == pytest.approx(own[f"{name}_ha"], rel=1e-5)


def test_long_edges_bend_where_the_crs_bends(tmp_path: Path) -> None:
    """A parallel is straight in degrees, and an arc in Lambert's conformal conic projection."""
    place = Affine(500, 0, 4_100_000, 0, -500, 3_300_000)
    class_map(tmp_path / "map.tif", np.zeros((900, 1600), np.uint8), place, "EPSG:3035")
    zone_file(tmp_path / "zones.gpkg", [shapely.box(8.5, 49, 17, 51.5)], "EPSG:4326")
    row = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows[0]
    fine = shapely.segmentize(shapely.box(8.5, 49, 17, 51.5), 0.001)
    area = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(fine)[0]) / 1e4
    assert row["zone_ha"] == pytest.approx(area, rel=1e-7)
    assert row["land_ha"] == pytest.approx(area, rel=1e-5)


def test_degrees_have_areas_on_the_ellipsoid(tmp_path: Path) -> None:
    ids = np.zeros((180, 360), np.uint8)
    ids[:90] = 1
    class_map(tmp_path / "map.tif", ids, Affine(1, 0, -180, 0, -1, 90), "EPSG:4326")
    shapes = [shapely.box(-180, -90, 180, 90), shapely.box(10.5, -20.25, 30, 60)]
    zone_file(tmp_path / "zones.gpkg", shapes, "EPSG:4326")
    world, part = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    assert world["zone_ha"] == pytest.approx(51_006_562_172.4, rel=1e-9)
    assert world["land_ha"] == pytest.approx(world["water_ha"], rel=1e-9)
    assert world["land_ha"] + world["water_ha"] == pytest.approx(world["zone_ha"], rel=1e-4)  # pixels of a degree
    assert part["water_pixels"] == pytest.approx(19.5 * 60) and part["land_pixels"] == pytest.approx(19.5 * 20.25)


@pytest.mark.parametrize(
    ("crs", "west", "zone_crs", "shapes"),
    [
        ("EPSG:4326", 170, "EPSG:4326", [shapely.box(175, 0, 180, 5), shapely.box(-180, 0, -175, 5)]),
        ("EPSG:4326", -190, "EPSG:4326", [shapely.box(175, 0, 180, 5), shapely.box(-180, 0, -175, 5)]),
        ("EPSG:4326", 170, "EPSG:4326", [shapely.box(175, 0, 185, 5)]),
        ("EPSG:4326", 170, "EPSG:3832", [shapely.box(2782987.2698, 0, 3896182.1778, 553583.8466)]),
        ("EPSG:4326", -180, "EPSG:3832", [shapely.box(2782987.2698, 0, 3896182.1778, 553583.8466)]),
        ("EPSG:4326", 0, "EPSG:4326", [shapely.box(175, 0, 180, 5), shapely.box(-180, 0, -175, 5)]),
    ],
    ids=["east", "west", "beyond 180", "projected", "projected on the world", "0 to 360"],
)
def test_zones_over_the_date_line(tmp_path: Path, crs: str, west: float, zone_crs: str, shapes: list[Any]) -> None:
    wide = 360 if west in (-180, 0) else 20
    class_map(tmp_path / "map.tif", np.zeros((40, wide * 4), np.uint8), Affine(0.25, 0, west, 0, -0.25, 8), crs)
    zone_file(tmp_path / "zones.gpkg", shapes, zone_crs)
    found = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    assert sum(row["land_pixels"] for row in found) == pytest.approx(800, rel=1e-4)
    assert sum(row["zone_ha"] for row in found) == pytest.approx(sum(row["land_ha"] for row in found), rel=1e-3)


@pytest.mark.parametrize("angle", [30, 90])
def test_a_map_of_longitudes_may_be_turned(tmp_path: Path, angle: float) -> None:
    place = Affine.translation(178, 4) @ Affine.rotation(angle) @ Affine.scale(0.1, -0.1)
    class_map(tmp_path / "map.tif", np.zeros((80, 80), np.uint8), place, "EPSG:4326")
    middle = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3832", always_xy=True).transform(*(place @ (40, 40)))
    zone_file(tmp_path / "zones.gpkg", [shapely.Point(middle).buffer(200_000)], "EPSG:3832")
    [row] = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    assert row["land_ha"] == pytest.approx(row["zone_ha"], rel=1e-3) and row["zone_ha"] > 1e6


def test_a_pole_in_the_middle_of_the_map(tmp_path: Path) -> None:
    place = Affine(10_000, 0, -400_000, 0, -10_000, 400_000)
    class_map(tmp_path / "map.tif", np.zeros((80, 80), np.uint8), place, "EPSG:3413")
    zone_file(tmp_path / "zones.gpkg", [shapely.box(-180, 88, 180, 90), shapely.box(0, 88, 90, 90)], "EPSG:4326")
    cap, quarter = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    assert cap["land_ha"] == pytest.approx(cap["zone_ha"], rel=1e-4)
    assert quarter["land_ha"] == pytest.approx(cap["zone_ha"] / 4, rel=1e-4)


def test_values_have_mean_minimum_maximum_and_sum(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    values[3, 5] = np.nan
    kind = {"count": 1, "dtype": "float32", "crs": UTM, "transform": PLACE}
    with rasterio.open(tmp_path / "height.tif", "w", "GTiff", 6, 4, **kind) as file:
        file.write(values, 1)
    zone_file(tmp_path / "zones.gpkg", [box(0.5, 0, 2, 1), box(5, 2, 6, 4), box(5, 3, 6, 4)])
    found = sm.stats(tmp_path / "height.tif", tmp_path / "zones.gpkg")
    first, second, empty = found.rows
    assert (first["sum"], first["mean"], first["min"], first["max"], first["pixels"]) == (
        1,
        pytest.approx(2 / 3),
        0,
        1,
        1.5,
    )
    assert (second["sum"], second["nodata_pixels"], second["ha"]) == (17, 1, pytest.approx(PIXEL_HA, rel=1e-5))
    assert (empty["mean"], empty["min"], empty["sum"], empty["pixels"]) == (None, None, 0, 0)
    assert str(found).splitlines()[1].split() == ["zone", "mean", "min", "max", "ha"]


def test_tables_as_csv_json_and_layer(tmp_path: Path) -> None:
    class_map(tmp_path / "map.tif", IDS)
    zone_file(tmp_path / "zones.gpkg", [box(3, 2, 30.5, 33), box(40, 1, 44, 4)], name=["=é", "b"])
    for name in ("out.csv", "out.json", "out.gpkg"):
        for _ in range(2):  # a table of this program is replaced
            found = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg", tmp_path / "sub" / name)
        assert found.path == tmp_path / "sub" / name
    with (tmp_path / "sub" / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert table[0]["name"] == "'=é" and float(table[1]["land_ha"]) == found.rows[1]["land_ha"]
    assert json.loads((tmp_path / "sub" / "out.json").read_text()) == found.rows
    meta, _, wkb, columns = pyogrio.raw.read(tmp_path / "sub" / "out.gpkg")
    assert (meta["crs"], list(meta["fields"])) == (UTM, list(found.columns))
    assert shapely.from_wkb(wkb[0]).equals(box(3, 2, 30.5, 33))
    assert columns[2].tolist() == ["=é", "b"] and columns[3][1] == pytest.approx(found.rows[1]["land_ha"])
    with pytest.warns(
        DataWarning, match=r"out.gpkg: attributes that are called like columns of the table are left out: f"
    ):
        again = sm.stats(tmp_path / "map.tif", tmp_path / "sub" / "out.gpkg")
    assert again.rows == found.rows


def test_zones_beside_all_maps_are_zero_and_warned_of(tmp_path: Path) -> None:
    class_map(tmp_path / "map.tif", IDS)
    zone_file(tmp_path / "zones.gpkg", [box(1, 1, 2, 2), box(70, 1, 75, 5), box(50, 1, 65, 5)])
    with pytest.warns(DataWarning) as heard:
        rows = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    assert [str(each.message).partition(": ")[2] for each in heard] == [
        "1 of 3 zones (features 2) on no map; their rows are 0",
        "1 of 3 zones (features 3) only in part on a map; zone_ha is their whole area",
    ]
    assert (rows[1]["land_ha"], rows[1]["land_share"], rows[1]["nodata_ha"]) == (0, None, 0)


def test_invalid_shapes_are_repaired_and_missing_ones_are_zero(tmp_path: Path) -> None:
    class_map(tmp_path / "map.tif", np.zeros((40, 60), np.uint8))
    bow = shapely.Polygon([at(*corner) for corner in ((1, 1), (9, 9), (9, 1), (1, 9))])
    zone_file(tmp_path / "zones.gpkg", [bow, None, shapely.Polygon()])
    with pytest.warns(DataWarning) as heard:
        rows = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    assert "the shapes of 1 of 3 features cross or touch themselves, the first is feature 1; they are" in str(
        heard[0].message
    )
    assert "2 of 3 zones (features 2, 3) on no map" in str(heard[1].message)
    assert (rows[0]["land_pixels"], rows[1]["land_pixels"]) == (pytest.approx(32), 0)


def test_maps_without_a_place_have_pixels_only(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        class_map(tmp_path / "map.tif", np.zeros((4, 6), np.uint8), Affine.identity(), None)
        zone_file(tmp_path / "zones.gpkg", [shapely.box(1, 1, 2.5, 3)], None)
    with pytest.warns(SceneWarning, match=r"map.tif: no hectares, only pixels: it has no CRS"):
        row = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows[0]
    assert (row["land_pixels"], row["land_share"], row["land_ha"], row["zone_ha"]) == (3, 1, None, None)


def test_wide_ids_and_ids_without_a_name(tmp_path: Path) -> None:
    class_map(tmp_path / "map.tif", np.array([[1, 523], [523, 9]], np.uint16), names=("land", "water"))
    zone_file(tmp_path / "zones.gpkg", [box(0, 0, 2, 2)])
    row = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows[0]
    assert [row[f"{name}_pixels"] for name in ("land", "water", "class 523", "class 9")] == [0, 1, 2, 1]


def _bands(folder: Path) -> tuple[Path, Path]:
    with rasterio.open(
        folder / "rgb.tif", "w", "GTiff", 4, 4, count=3, dtype="uint8", crs=UTM, transform=PLACE
    ) as file:
        file.write(np.zeros((3, 4, 4), np.uint8))
    return folder / "rgb.tif", zone_file(folder / "zones.gpkg", [box(0, 0, 2, 2)])


def _points(folder: Path) -> tuple[Path, Path]:
    return class_map(folder / "map.tif", IDS), zone_file(folder / "zones.gpkg", [shapely.Point(500000, 5000000)])


def _no_crs(folder: Path) -> tuple[Path, Path]:
    return class_map(folder / "map.tif", IDS, crs=None), zone_file(folder / "zones.gpkg", [box(0, 0, 2, 2)])


def _no_zones(folder: Path) -> tuple[Path, Path]:
    return class_map(folder / "map.tif", IDS), folder / "none.gpkg"


def _text(folder: Path) -> tuple[Path, Path]:
    (folder / "zones.gpkg").write_text("no zones")
    return class_map(folder / "map.tif", IDS), folder / "zones.gpkg"


def _swapped(folder: Path) -> tuple[Path, Path]:
    return zone_file(folder / "zones.gpkg", [box(0, 0, 2, 2)]), class_map(folder / "map.tif", IDS)


def _layers(folder: Path) -> tuple[Path, Path]:
    zones = zone_file(folder / "zones.gpkg", [box(0, 0, 2, 2)])
    pyogrio.raw.write(zones, shapely.to_wkb([box(0, 0, 3, 3)]), [], [], layer="more", geometry_type="Polygon", crs=UTM)
    return class_map(folder / "map.tif", IDS), zones


def _empty(folder: Path) -> tuple[Path, Path]:
    (folder / "maps").mkdir()
    return folder / "maps", zone_file(folder / "zones.gpkg", [box(0, 0, 2, 2)])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (_bands, RasterError, "rgb.tif: has 3 bands; expected a map of one band, of class ids or values"),
        (_points, DataError, "zones.gpkg: feature 1 is a Point, not an area; expected polygons"),
        (_no_crs, DataError, "zones.gpkg has a CRS, .*map.tif has none; give both one"),
        (_no_zones, DataError, "none.gpkg: there is no such file; expected polygons"),
        (_text, DataError, "zones.gpkg: cannot be read as polygons: "),
        (_swapped, DataError, "map.tif: cannot be read as polygons: .*; give the maps first, then one vector file"),
        (_layers, DataError, "zones.gpkg: has the layers zones, more; name the one with the zones: --layer zones"),
        (_empty, RasterError, "maps: no map in this folder has tags that say what it holds; name the files"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, make: Any, error: type[Exception], message: str) -> None:
    maps, zones = make(tmp_path)
    with warnings.catch_warnings(), pytest.raises(error, match=message) as refused:
        warnings.simplefilter("ignore")
        sm.stats(maps, zones)
    assert "\n" not in str(refused.value)


def test_attributes_of_every_kind_are_kept(tmp_path: Path) -> None:
    """Also one that is called like the column of shapes in a GeoPackage."""
    class_map(tmp_path / "map.tif", IDS)
    columns = [
        np.array(["2020-01-31T00:00:00", "NaT"], "datetime64[ms]"), np.array([True, False]), np.array([1.5, np.nan]),
        np.array([7, 8]), np.array(["a", None], object),
    ]  # fmt: skip
    shapes = shapely.to_wkb([box(1, 1, 20, 20), box(30, 30, 40, 39)])
    kind = {"geometry_type": "Polygon", "crs": UTM, "layer_options": {"GEOMETRY_NAME": "shape"}}
    pyogrio.raw.write(tmp_path / "zones.gpkg", shapes, columns, ["when", "ok", "part", "geom", "text"], **kind)
    rows = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg", tmp_path / "out.gpkg").rows
    names = ("when", "ok", "part", "geom", "text")
    assert [rows[0][name] for name in names] == ["2020-01-31T00:00:00.000", True, 1.5, 7, "a"]
    assert [rows[1][name] for name in names] == [None, False, None, 8, None]
    written = pyogrio.raw.read(tmp_path / "out.gpkg", columns=list(names))[3]
    assert str(written[0][0]).startswith("2020-01-31") and written[3].tolist() == [7, 8]


def test_a_layer_is_chosen_by_name(tmp_path: Path) -> None:
    maps, zones = _layers(tmp_path)
    assert sm.stats(maps, zones, layer="more").rows[0]["zone_ha"] == pytest.approx(9 * PIXEL_HA, rel=1e-5)
    with pytest.raises(DataError, match=r"has no layer 'none' with shapes, only zones, more"):
        sm.stats(maps, zones, layer="none")


def test_maps_of_two_kinds_are_refused(tmp_path: Path) -> None:
    class_map(tmp_path / "a.tif", IDS)
    class_map(tmp_path / "b.tif", IDS.astype(np.float32))
    zone_file(tmp_path / "zones.gpkg", [box(0, 0, 2, 2)])
    with pytest.raises(DataError, match=r"a.tif holds classes, .*b.tif values; give maps of one kind"):
        sm.stats([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "zones.gpkg")


@pytest.mark.parametrize(
    ("output", "error", "message"),
    [
        ("out.txt", OptionError, r"its ending must be one of \.csv, \.json, \.gpkg"),
        ("own.csv", OutputError, "exists and is not a table of this program"),
        ("own.json", OutputError, "exists and is not a table of this program"),
        ("zones.gpkg", OutputError, "is read for these statistics; choose another output"),
        ("other.gpkg", OutputError, "exists and is not a table of this program"),
    ],
)
def test_files_of_the_user_are_kept(tmp_path: Path, output: str, error: type[Exception], message: str) -> None:
    class_map(tmp_path / "map.tif", IDS)
    for name in ("zones.gpkg", "other.gpkg"):
        zone_file(tmp_path / name, [box(0, 0, 2, 2)])
    for name in ("own.csv", "own.json"):
        (tmp_path / name).write_text('{"my": "notes"}')
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(error, match=message):
        sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg", tmp_path / output)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_zone_without_a_place_in_the_crs_of_a_map_is_ignored(tmp_path: Path) -> None:
    """The globe as seen from space: half of the world has no place on it."""
    place = Affine(250_000, 0, -7_500_000, 0, -250_000, 7_500_000)
    class_map(tmp_path / "map.tif", np.zeros((60, 60), np.uint8), place, "+proj=ortho +lat_0=0 +lon_0=0 +datum=WGS84")
    zone_file(tmp_path / "zones.gpkg", [shapely.box(-5, -5, 5, 5), shapely.box(170, 0, 175, 5)], "EPSG:4326")
    with pytest.warns(DataWarning) as heard:
        rows = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    assert any("1 of 2 zones (features 2) of " in str(each.message) for each in heard)
    assert rows[0]["land_ha"] == pytest.approx(rows[0]["zone_ha"], rel=1e-3) and rows[1]["land_pixels"] == 0


def test_progress_counts_maps(tmp_path: Path) -> None:
    class_map(tmp_path / "a.tif", IDS)
    class_map(tmp_path / "b.tif", IDS, moved(60))
    zone_file(tmp_path / "zones.gpkg", [box(0, 0, 2, 2)])
    seen: list[sm.Progress] = []
    sm.stats([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "zones.gpkg", progress=seen.append)
    assert seen[-1].done == pytest.approx(2) and (seen[-1].total, seen[-1].unit) == (2, "maps")


def test_exactextract_finds_the_same(tmp_path: Path) -> None:
    """Its fractions are of single precision."""
    exactextract = pytest.importorskip("exactextract")
    class_map(tmp_path / "map.tif", IDS)
    rough = shapely.Polygon(
        [at(*corner) for corner in ((3.1, 2.2), (55.7, 8.9), (41.3, 38.8), (20.2, 17.6), (1.4, 30.3))]
    )
    shapes = [rough, shapely.Point(at(30, 20)).buffer(17.3) - box(28, 15, 33.3, 21.7)]
    zone_file(tmp_path / "zones.gpkg", shapes)
    features = [{"type": "Feature", "properties": {}, "geometry": mapping(shape)} for shape in shapes]
    theirs = exactextract.exact_extract(str(tmp_path / "map.tif"), features, ["count", "unique", "frac"])
    found = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    for row, other in zip(found, (feature["properties"] for feature in theirs), strict=True):
        assert sum(row[f"{name}_pixels"] for name in NAMES) == pytest.approx(other["count"], rel=1e-6)
        shares = dict(zip(other["unique"], other["frac"], strict=True))
        assert [row[f"{name}_share"] for name in NAMES] == pytest.approx([shares[k] for k in range(3)], abs=1e-6)


def test_classes_called_like_other_columns_have_columns_of_their_own(tmp_path: Path) -> None:
    class_map(tmp_path / "map.tif", np.arange(24).reshape(4, 6) % 4, names=("nodata", "Zone", "wood", "Wood"))
    zone_file(tmp_path / "zones.geojson", [box(0, 0, 6, 4)], n=[1], N=[2])
    with pytest.warns(DataWarning, match="called like columns of the table are left out: N$"):
        found = sm.stats(tmp_path / "map.tif", tmp_path / "zones.geojson", tmp_path / "out.gpkg")
    [row] = found.rows
    for name in ("class nodata", "class Zone", "wood", "class Wood"):
        assert row[f"{name}_pixels"] == 6 and row[f"{name}_share"] == pytest.approx(0.25)
    assert row["nodata_pixels"] == 0 and row["zone_ha"] == pytest.approx(24 * PIXEL_HA, rel=1e-5)
    assert list(pyogrio.read_info(tmp_path / "out.gpkg")["fields"]) == list(found.columns)


@pytest.mark.parametrize("reach", [1e12, 1e30])
def test_a_zone_far_beyond_the_earth_has_no_area_of_its_own(tmp_path: Path, reach: float) -> None:
    class_map(tmp_path / "map.tif", IDS)
    zone_file(tmp_path / "zones.gpkg", [shapely.box(-reach, -reach, reach, reach)])
    [row] = sm.stats(tmp_path / "map.tif", tmp_path / "zones.gpkg").rows
    assert row["zone_ha"] is None and sum(row[f"{name}_pixels"] for name in NAMES) == pytest.approx(2400)
