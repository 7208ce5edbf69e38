"""What holds for any labels: features of a document that may be anything, and rasters of any ids."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.card import Task
from smalti.errors import LabelError
from smalti.raster.grid import Grid
from smalti.raster.labels import LabelSpec, open_labels
from smalti.tiling import Window

TASK = Task(name="cover", labels=("land", "water", "road"))
GRID = Grid(6, 8, Affine(2, 0, 500000, 0, -2, 5000000), CRS.from_epsg(32633))
WHOLE = Window(0, 0, 6, 8)
CRS_MEMBER = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
few = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("labels")


def read(path: Path, spec: LabelSpec) -> NDArray[np.uint8]:
    with closing(open_labels(path, GRID, TASK, spec)) as labels:
        return labels.read(WHOLE)


def write(path: Path, features: Any, **members: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, "crs": CRS_MEMBER} | members))
    return path


def box(top: int, left: int, bottom: int, right: int) -> list[list[float]]:
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    return [list(GRID.xy(col, row)) for col, row in corners]


spans = st.tuples(st.integers(-2, 9), st.integers(-2, 9)).filter(lambda span: span[0] < span[1])
boxes = st.lists(st.tuples(spans, spans, st.sampled_from(TASK.labels)), min_size=1, max_size=5)


@few
@given(boxes)
def test_boxes_are_drawn_in_their_order(folder: Path, drawn: list[Any]) -> None:
    expected = np.full((6, 8), 1, np.uint8)
    features = []
    for (top, bottom), (left, right), name in drawn:
        expected[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = TASK.labels.index(name)
        ring = box(top, left, bottom, right)
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"class": name}, "geometry": geometry})
    path = write(folder / "boxes.geojson", features)
    assert np.array_equal(read(path, LabelSpec(background="water")), expected)


numbers = st.one_of(
    st.floats(499990, 500020),
    st.floats(4999980, 5000010),
    st.sampled_from([0, -1, 1e308, 1e-308, None, "1", True, 2**70, float("nan"), float("inf")]),
)
places = st.recursive(numbers, lambda inner: st.lists(inner, max_size=4), max_leaves=10)
geometries = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Polygon", "MultiPolygon", "Point", "LineString", "Circle", "GeometryCollection"])},
        optional={"coordinates": places, "geometries": places},
    ),
)
values = st.one_of(st.sampled_from([*TASK.labels, "", "0", "lava"]), numbers, st.text(max_size=3), st.just({"a": []}))
features = st.fixed_dictionaries(
    {"type": st.sampled_from(["Feature", "Feature", "feature", 1])},
    optional={"geometry": geometries, "properties": st.dictionaries(st.sampled_from(["class", "b"]), values)},
)
systems = st.sampled_from([CRS_MEMBER, None, {}, {"type": "name", "properties": {"name": "EPSG:99999"}}])


@few
@given(st.lists(features, max_size=3), systems)
def test_a_document_that_may_be_anything_gives_classes_or_one_line(folder: Path, drawn: list[Any], crs: Any) -> None:
    path = write(folder / "anything.geojson", drawn, crs=crs)
    try:
        found = read(path, LabelSpec(background="land"))
    except LabelError as error:
        assert "\n" not in str(error)
        assert str(path) in str(error)
    else:
        assert set(np.unique(found).tolist()) <= {0, 1, 2, TASK.ignore}


meanings = st.dictionaries(
    st.integers(0, 65535), st.sampled_from([*TASK.labels, "ignore", 0, 2]), min_size=1, max_size=5
)


@few
@given(st.data(), meanings, st.sampled_from(["uint8", "int16", "uint16", "float32"]))
def test_any_numbers_mean_what_the_ids_say(folder: Path, data: st.DataObject, ids: dict[int, Any], kind: str) -> None:
    most = 65535 if kind == "float32" else np.iinfo(kind).max
    known = [value for value in ids if value <= most]
    strange = data.draw(st.lists(st.integers(0, most).filter(lambda value: value not in (*ids, 255)), max_size=1))
    if not known + strange:
        return
    array = np.array(data.draw(st.lists(st.sampled_from(known + strange), min_size=48, max_size=48))).reshape(6, 8)
    profile = {"driver": "GTiff", "height": 6, "width": 8, "count": 1, "crs": GRID.crs, "transform": GRID.transform}
    path = folder / "ids.tif"
    with rasterio.open(path, "w", dtype=kind, **profile) as file:
        file.write(array.astype(kind), 1)
    if np.isin(array, strange).any():
        with pytest.raises(LabelError, match=f"unknown class value {strange[0]}"):
            read(path, LabelSpec(ids=ids))
        return
    meant = {"land": 0, "water": 1, "road": 2, "ignore": TASK.ignore, 0: 0, 2: 2}
    expected = np.vectorize(lambda value: meant[ids[value]], otypes=[np.uint8])(array)
    assert np.array_equal(read(path, LabelSpec(ids=ids)), expected)
