import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from smalti.card import Task
from smalti.errors import LabelError
from smalti.label_sets import set_ids, with_sets
from smalti.raster.grid import Grid
from smalti.raster.label_doubts import Doubts, doubt_lines, doubts
from smalti.raster.labels import LabelSpec, open_labels
from smalti.raster.place import project
from smalti.tiling import Window

TASK = Task(name="cover", labels=("land", "water", "road"))
GRID = Grid(3, 4, Affine(2, 0, 500000, 0, -2, 5000000), CRS.from_epsg(32633))
WHOLE = Window(0, 0, 3, 4)
LEFT = shapely.box(500000, 4999994, 500004, 5000000)
RING = [[500000, 4999994], [500004, 4999994], [500004, 5000000], [500000, 5000000], [500000, 4999994]]
EXPECTED = [[2, 2, 0, 0]] * 3
SPEC = LabelSpec(background="land")


def layer(path: Path, name: str, shape: Any = LEFT, value: str = "road", **options: Any) -> None:
    data = [np.array([value], object)]
    options = {"geometry_type": "Polygon", "crs": "EPSG:32633", **options}
    pyogrio.raw.write(path, shapely.to_wkb(np.array([shape])), data, ["class"], layer=name, **options)


def geojson(path: Path, *rings: Any, kind: str = "road") -> Path:
    features = [
        {"type": "Feature", "properties": {"class": kind}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for ring in rings
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def degrees(ring: Any) -> list[list[float]]:
    return project(np.array(ring, float), "EPSG:32633", "EPSG:4326").tolist()


def test_of_several_layers_the_right_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    layer(path, "notes", shapely.box(500006, 4999994, 500008, 5000000))
    layer(path, "cover", append=True)
    with pytest.raises(LabelError, match=r"a\.gpkg: has the layers notes, cover; give `layer`, the one"):
        open_labels(path, GRID, TASK, SPEC)
    named = SPEC.model_copy(update={"layer": "cover"})
    assert open_labels(path, GRID, TASK, named).read(WHOLE).tolist() == EXPECTED
    with pytest.raises(LabelError, match=r"a\.gpkg: has no layer 'roads' with shapes, only notes, cover"):
        open_labels(path, GRID, TASK, SPEC.model_copy(update={"layer": "roads"}))


def test_tables_without_shapes_are_no_layers(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    layer(path, "cover")
    styles = [np.array(["red"], object)]
    pyogrio.raw.write(path, None, styles, ["style"], layer="layer_styles", append=True, geometry_type=None, crs=None)
    assert open_labels(path, GRID, TASK, SPEC).read(WHOLE).tolist() == EXPECTED


@pytest.mark.parametrize(
    "spec", [SPEC, LabelSpec(attribute="kind", background="land"), LabelSpec(burn=1, background=0)]
)
def test_a_file_without_features_is_background(tmp_path: Path, spec: LabelSpec) -> None:
    labels = open_labels(geojson(tmp_path / "a.geojson"), GRID, TASK, spec)
    assert not labels.read(WHOLE).any() and doubts(labels) == Doubts(astray=False)
    with pytest.raises(LabelError, match=r"a\.geojson: has no features; if that is intended, give `background`"):
        open_labels(tmp_path / "a.geojson", GRID, TASK, spec.model_copy(update={"background": None, "burn": None}))


def test_metres_in_a_geojson_of_degrees_are_refused_with_the_mend(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", RING)
    with pytest.raises(LabelError) as caught:
        open_labels(path, GRID, TASK, SPEC)
    assert str(caught.value) == (
        f"{path}: its coordinates, such as 500000, 4999994, are not longitude and latitude, but its CRS is EPSG:4326 "
        "(so it is in GeoJSON without `crs`); name the right CRS: ogr2ogr -a_srs EPSG:32633 OUT.gpkg IN"
    )
    with pytest.raises(
        LabelError, match=r"such as 40, 105, are not longitude and latitude, .*; write the longitude first"
    ):
        open_labels(geojson(path, [[40, 105], [41, 105], [41, 106], [40, 105]]), GRID, TASK, SPEC)


def test_features_that_have_no_place_in_the_crs_of_the_image_are_left_out(tmp_path: Path) -> None:
    far = [[-165.0, 0.0], [-164.0, 0.0], [-164.0, 1.0], [-165.0, 0.0]]  # a quarter of the Earth away
    path = geojson(tmp_path / "a.geojson", far, degrees(RING), far)
    labels = open_labels(path, GRID, TASK, SPEC)
    assert labels.read(WHOLE).tolist() == EXPECTED and doubts(labels) == Doubts(astray=False)
    local = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]')
    with pytest.raises(
        LabelError, match=r"its coordinates in EPSG:4326 cannot be transformed to the CRS of the image, LOCAL_CS"
    ):
        open_labels(path, Grid(3, 4, GRID.transform, local), TASK, SPEC)


def test_features_that_lie_on_no_image_are_told_once_for_all_images(tmp_path: Path) -> None:
    swapped = [point[::-1] for point in degrees(RING)]
    path, other = geojson(tmp_path / "a.geojson", swapped), geojson(tmp_path / "b.geojson", degrees(RING))
    far = Grid(3, 4, Affine(2, 0, 600000, 0, -2, 5000000), GRID.crs)
    grids = (GRID, far)
    found = [(name, doubts(open_labels(name, grid, TASK, SPEC))) for name in (path, other) for grid in grids]
    assert [doubt.astray for _, doubt in found] == [True, True, False, True]
    [line] = doubt_lines([*found, (tmp_path / "c.png", Doubts())])
    assert line == f"{path}: no feature lies on an image; check the CRS, and that the longitude comes first in GeoJSON"
    many = [(Path(f"{k}.geojson"), Doubts(True)) for k in range(5)]
    assert doubt_lines(many)[0].startswith("0.geojson, 1.geojson, 2.geojson and 2 more: no feature")
    assert doubt_lines([]) == doubt_lines(found[2:]) == []


def test_broken_shapes_are_refused_in_one_line_and_without_a_warning(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", degrees(RING), degrees(RING[:2]), [])
    with pytest.raises(LabelError, match=r"the shapes of 1 of 3 features are invalid, the first is feature 2; repair"):
        open_labels(path, GRID, TASK, SPEC)
    path.write_text(path.read_text()[:-40])
    with pytest.raises(LabelError, match=r"a\.geojson: cannot be read as vector features: [^\n]*$"):
        open_labels(path, GRID, TASK, SPEC)


def test_shapes_with_coordinates_that_are_no_numbers_are_refused_without_a_warning(tmp_path: Path) -> None:
    wkb = shapely.to_wkb(LEFT)
    for number, damaged in enumerate((wkb, wkb[:45] + np.array([np.nan]).tobytes() + wkb[53:])):
        layer = {"layer": "cover", "geometry_type": "Polygon", "crs": "EPSG:32633", "append": number > 0}
        value = np.array([("road", "water")[number]], object)
        pyogrio.raw.write(tmp_path / "a.gpkg", np.array([damaged], object), [value], ["class"], **layer)
    with pytest.raises(LabelError, match="the shapes of 1 of 2 features are invalid, the first is feature 2; repair"):
        open_labels(tmp_path / "a.gpkg", GRID, TASK, SPEC)


@pytest.mark.parametrize("x", [1e15, 1e308])  # 1e308 metres are no number of pixels any more
def test_a_corner_too_far_away_to_be_drawn_is_refused(tmp_path: Path, x: float) -> None:
    bounds = shapely.bounds(LEFT)
    far = shapely.Polygon([(bounds[0], bounds[1]), (x, bounds[1]), (bounds[0], bounds[3])])
    layer(tmp_path / "a.gpkg", "cover", far)
    with pytest.raises(
        LabelError, match=r"shape 1 has a corner more than .* pixels away from the image, beyond what can"
    ):
        open_labels(tmp_path / "a.gpkg", GRID, TASK, SPEC)


def test_shapes_with_heights_and_a_file_without_a_crs(tmp_path: Path) -> None:
    layer(tmp_path / "a.gpkg", "cover", shapely.force_3d(LEFT, 7.0), geometry_type="Polygon Z")
    assert open_labels(tmp_path / "a.gpkg", GRID, TASK, SPEC).read(WHOLE).tolist() == EXPECTED
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        layer(tmp_path / "b.gpkg", "cover", crs=None)
    assert open_labels(tmp_path / "b.gpkg", GRID, TASK, SPEC).read(WHOLE).tolist() == EXPECTED


@pytest.mark.parametrize(
    ("value", "spec", "line"),
    [
        ("Road", {}, '"Road" = "road"'),
        (" road ", {}, '" road " = "road"'),
        ("True", {"values": {"true": "water"}}, '"True" = "water"'),
        ("0", {"values": {"false": "land", "true": "road"}, "attribute": "class"}, ""),
        ("no", {"values": {"false": "land", "true": "road"}}, '"no" = "land"'),
        ('a "lake"', {}, r'"a \"lake\"" = "..."'),
    ],
)
def test_the_line_that_says_what_a_value_is_stands_in_the_message(
    tmp_path: Path, value: str, spec: dict[str, Any], line: str
) -> None:
    path = tmp_path / "a.gpkg"
    layer(path, "cover", value=value)
    if not line:  # an id
        assert open_labels(path, GRID, TASK, LabelSpec(**spec)).read(WHOLE)[0, 0] == int(value)
        return
    with pytest.raises(LabelError) as caught:
        open_labels(path, GRID, TASK, LabelSpec(**spec))
    message = str(caught.value)
    assert "class: " in message and message.endswith(f"give its class: values = {{ {line} }}")
    said = tomllib.loads(message.partition("give its class: ")[2].replace("...", "road"))["values"]
    assert open_labels(path, GRID, TASK, LabelSpec(values=said)).read(WHOLE)[0, 0] < 255


@pytest.mark.parametrize("west", [179.9998, -180.0002])
def test_features_cut_at_the_date_line_are_drawn_on_both_sides(tmp_path: Path, west: float) -> None:
    rings = [[[x, 9], [x + y, 9], [x + y, 11], [x, 11], [x, 9]] for x, y in ((179.9998, 0.0002), (-180, 0.0002))]
    path = geojson(tmp_path / "a.geojson", *rings)
    grid = Grid(3, 6, Affine(1e-4, 0, west, 0, -1e-4, 10), CRS.from_epsg(4326))
    assert open_labels(path, grid, TASK, SPEC).read(Window(0, 0, 3, 6)).tolist() == [[2, 2, 2, 2, 0, 0]] * 3


def test_background_and_values_may_allow_several_classes(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", degrees(RING), kind="paved")
    spec = LabelSpec(values={"paved": ["road", "land"]}, background=["land", "water"])
    task = with_sets(TASK, spec.sets(TASK))
    assert set_ids(task) == {3: (0, 1), 4: (0, 2)}
    assert open_labels(path, GRID, task, spec).read(WHOLE).tolist() == [[4, 4, 3, 3]] * 3
