import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.card import Task
from smalti.errors import LabelError
from smalti.raster.grid import Grid
from smalti.raster.labels import open_labels
from smalti.raster.values import open_values
from smalti.tiling import Window

TASK = Task(name="cover", labels=tuple("abcdefgh"))
HEIGHT = Task(name="height", kind="value", unit="m", quantity="height")
LOCAL = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]')
UTM = CRS.from_epsg(32633)
GRID = Grid(12, 16, Affine(0.5, 0, 500000, 0, -0.5, 5000000), UTM)
WHOLE = Window(0, 0, 12, 16)
IDS = np.random.default_rng(0).integers(0, 8, (12, 16), np.uint8)


def save(path: Path, ids: NDArray[Any], transform: Affine = GRID.transform, crs: Any = UTM) -> Path:
    shape = {"height": ids.shape[0], "width": ids.shape[1], "count": 1, "dtype": ids.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **shape) as file:
        file.write(ids, 1)
    return path


def turned(ids: NDArray[Any], how: str) -> tuple[NDArray[Any], Affine]:
    """The same labels of the same ground, stored otherwise, with the transform that says so."""
    (height, width), t = ids.shape, GRID.transform
    down, right = t.f + t.e * height, t.c + t.a * width
    return {
        "south up": (ids[::-1], Affine(t.a, 0, t.c, 0, -t.e, down)),
        "east left": (ids[:, ::-1], Affine(-t.a, 0, right, 0, t.e, t.f)),
        "half a turn": (ids[::-1, ::-1], Affine(-t.a, 0, right, 0, -t.e, down)),
        "rows run east": (ids.T, Affine(0, t.a, t.c, t.e, 0, t.f)),
        "a quarter turn": (np.rot90(ids), Affine(0, -t.a, right, t.e, 0, t.f)),
    }[how]


@pytest.mark.parametrize("how", ["south up", "east left", "half a turn", "rows run east", "a quarter turn"])
def test_labels_stored_otherwise_are_turned_onto_their_image(tmp_path: Path, how: str) -> None:
    stored, transform = turned(IDS, how)
    labels = open_labels(save(tmp_path / "a.tif", stored, transform), GRID, TASK)
    assert np.array_equal(labels.read(WHOLE), IDS)
    for window in (Window(3, 5, 6, 4), Window(0, 0, 1, 16), Window(11, 15, 1, 1)):
        assert np.array_equal(labels.read(window), IDS[window.slices()])
    assert (labels.read(Window(-2, -2, 2, 2)) == 255).all()
    labels.close()


def test_heights_are_turned_as_labels_are(tmp_path: Path) -> None:
    stored, transform = turned(IDS.astype(np.float32), "south up")
    values = open_values(save(tmp_path / "a.tif", stored, transform), GRID, HEIGHT)
    assert np.array_equal(values.read(WHOLE), IDS.astype(np.float32))


@pytest.mark.parametrize(
    "crs",
    [
        CRS.from_string("+proj=utm +zone=33 +datum=WGS84 +units=m"),
        CRS.from_string("+proj=tmerc +lat_0=0 +lon_0=15 +k=0.9996 +x_0=500000 +y_0=0 +ellps=WGS84 +units=m"),
        CRS.from_wkt(CRS.from_epsg(32633).to_wkt(version="WKT1_ESRI")),
        CRS.from_epsg(25833),
    ],
    ids=["proj", "unknown datum", "esri", "etrs89"],
)
def test_one_grid_may_be_written_in_several_ways(tmp_path: Path, crs: CRS) -> None:
    assert np.array_equal(open_labels(save(tmp_path / "a.tif", IDS, crs=crs), GRID, TASK).read(WHOLE), IDS)
    stored, transform = turned(IDS, "south up")
    assert np.array_equal(open_labels(save(tmp_path / "b.tif", stored, transform, crs), GRID, TASK).read(WHOLE), IDS)


def test_two_ways_to_write_a_local_crs_are_taken_for_one(tmp_path: Path) -> None:
    other = Grid(12, 16, GRID.transform, CRS.from_wkt(LOCAL.to_wkt().replace("site", "unnamed")))
    assert np.array_equal(open_labels(save(tmp_path / "a.tif", IDS, crs=LOCAL), other, TASK).read(WHOLE), IDS)


def test_larger_labels_are_cut_and_smaller_ones_leave_the_rest_out(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", IDS)
    part = Window(2, 3, 7, 9)
    assert np.array_equal(open_labels(path, GRID.crop(part), TASK).read(Window(0, 0, 7, 9)), IDS[part.slices()])
    inner = save(tmp_path / "b.tif", IDS[part.slices()], GRID.crop(part).transform)
    expected = np.full((12, 16), 255, np.uint8)
    expected[part.slices()] = IDS[part.slices()]
    assert np.array_equal(open_labels(inner, GRID, TASK).read(WHOLE), expected)
    assert np.array_equal(open_labels(inner, GRID, TASK).read(Window(1, 1, 5, 5)), expected[1:6, 1:6])


def test_rounded_coordinates_are_one_grid(tmp_path: Path) -> None:
    near = Affine(0.50001, 0, 500000.2, 0, -0.5, 5000000.1)
    assert np.array_equal(open_labels(save(tmp_path / "a.tif", IDS, near), GRID, TASK).read(WHOLE), IDS)


@pytest.mark.parametrize(
    ("transform", "crs", "reason"),
    [
        (GRID.transform, CRS.from_epsg(32634), "another grid than their image: EPSG:32634, the image EPSG:32633"),
        (Affine(2, 0, 1000, 0, -2, 1000), CRS.from_epsg(3857), "EPSG:3857, the image EPSG:32633"),
        (Affine(1, 0, 500000, 0, -1, 5000000), UTM, "pixels of 1 x -1 units, the image of 0.5 x -0.5"),
        (Affine(0.5, 0.1, 500000, 0.1, -0.5, 5000000), UTM, r"pixels of \(0.5, 0.1\) x \(0.1, -0.5\) units"),
        (Affine(0.5, 0, 500002.5, 0, -0.5, 5000000), UTM, "lie 5 columns and 0 rows away from their image"),
        (Affine(0.5, 0, 500000, 0, 0.5, 5000000), UTM, "lie 0 columns and -12 rows away from their image"),
        (Affine(0.5, 0, 500004.25, 0, -0.5, 5000000), UTM, "0.50 columns and 0.00 rows beside whole pixels"),
        (GRID.transform, LOCAL, "CRS .*site.* cannot be brought to their image's, EPSG:32633"),
    ],
)
def test_labels_that_lie_elsewhere_are_refused_in_one_line(
    tmp_path: Path, transform: Affine, crs: CRS, reason: str
) -> None:
    for open_them, task, ids in ((open_labels, TASK, IDS), (open_values, HEIGHT, IDS.astype(np.float32))):
        path = save(tmp_path / "a.tif", ids, transform, crs)
        with pytest.raises(LabelError, match=rf"a\.tif: .*{reason}") as caught:
            open_them(path, GRID, task)  # type: ignore[operator]
        assert "\n" not in str(caught.value)
        meets = crs == UTM and "-12 rows" not in reason
        assert crs == LOCAL or ("gdalwarp -r near -dstnodata" if meets else "gdal_edit.py") in str(caught.value)


@pytest.mark.skipif(shutil.which("gdalwarp") is None, reason="needs gdalwarp")
def test_the_command_that_is_named_brings_them_onto_the_image(tmp_path: Path) -> None:
    wide = save(tmp_path / "IN.tif", IDS[:6, :8].repeat(2, 0).repeat(2, 1), Affine(0.25, 0, 500000, 0, -0.25, 5000000))
    with pytest.raises(LabelError) as caught:
        open_labels(wide, GRID, TASK)
    command = str(caught.value).partition("bring them onto it: ")[2].split()
    subprocess.run([*command, "-q"], cwd=tmp_path, check=True)
    found = open_labels(tmp_path / "OUT.tif", GRID, TASK).read(WHOLE)
    assert np.array_equal(found[:6, :8], IDS[:6, :8]) and (found[6:] == 255).all() and (found[:, 8:] == 255).all()


def test_places_without_a_crs_are_compared_with_each_other(tmp_path: Path) -> None:
    bare = Grid(12, 16, GRID.transform)
    path = save(tmp_path / "a.tif", IDS, Affine(0.5, 0, 500100, 0, -0.5, 5000000), None)
    with pytest.raises(LabelError, match="lie 200 columns and 0 rows away") as caught:
        open_labels(path, bare, TASK)
    assert "-t_srs" not in str(caught.value)
    assert np.array_equal(open_labels(path, Grid(12, 16), TASK).read(WHOLE), IDS)


def test_a_transform_without_a_crs_is_compared_with_the_place_of_its_image(tmp_path: Path) -> None:
    t = GRID.transform
    same = save(tmp_path / "same.tif", IDS, t, None)
    turned_ids, turned_place = turned(IDS, "south up")
    for path in (same, save(tmp_path / "turned.tif", turned_ids, turned_place, None)):
        assert np.array_equal(open_labels(path, GRID, TASK).read(WHOLE), IDS)
    for elsewhere in (Affine(t.a, 0, t.c + 40, 0, t.e, t.f), Affine(2 * t.a, 0, t.c, 0, 2 * t.e, t.f)):
        path = save(tmp_path / "elsewhere.tif", IDS, elsewhere, None)
        with pytest.raises(LabelError, match=r"elsewhere\.tif: the labels lie .* the labels name no CRS: remove"):
            open_labels(path, GRID, TASK)
        with pytest.raises(LabelError, match="the image names no CRS"):
            open_labels(save(tmp_path / "place.tif", IDS), Grid(12, 16, elsewhere), TASK)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("place", [Affine.identity(), Affine(1, 0, 0, 0, -1, 0), Affine(1, 0, 0, 0, -1, 12)])
def test_a_transform_that_counts_pixels_says_no_place(tmp_path: Path, place: Affine) -> None:
    labels = open_labels(save(tmp_path / "a.tif", IDS, place, None), GRID, TASK)
    assert np.array_equal(labels.read(WHOLE), IDS)


@pytest.mark.parametrize("away", [0.6, 0.9, 1.0])
def test_labels_may_lie_half_a_pixel_beside_their_image_but_not_more(tmp_path: Path, away: float) -> None:
    t = GRID.transform
    half = save(tmp_path / "half.tif", IDS, Affine(t.a, 0, t.c + t.a / 2, 0, t.e, t.f - t.e / 2))
    assert np.array_equal(open_labels(half, GRID, TASK).read(WHOLE), IDS)
    with pytest.raises(LabelError, match=r"beside whole pixels|0 columns and 1 rows away"):
        open_labels(save(tmp_path / "more.tif", IDS, Affine(t.a, 0, t.c, 0, t.e, t.f + away * t.e)), GRID, TASK)


RD = CRS.from_epsg(28992)
WITH_SHIFT = (
    "+proj=sterea +lat_0=52.1561605555556 +lon_0=5.38763888888889 +k=0.9999079 +x_0=155000 +y_0=463000 "
    "+ellps=bessel +towgs84=565.4171,50.3319,465.5524,1.9342,-1.6677,9.1019,4.0725 +units=m"
)


def test_a_datum_shift_that_one_file_names_moves_nothing(tmp_path: Path) -> None:
    place = Affine(0.5, 0, 155000, 0, -0.5, 463000)
    path = save(tmp_path / "a.tif", IDS, place, CRS.from_user_input(WITH_SHIFT))
    with rasterio.open(path) as file:
        assert file.crs != RD
    assert np.array_equal(open_labels(path, Grid(12, 16, place, RD), TASK).read(WHOLE), IDS)


@pytest.mark.parametrize("west", [-170.0, 190.0])
def test_a_whole_turn_of_longitude_is_the_same_place(tmp_path: Path, west: float) -> None:
    grid = Grid(12, 16, Affine(1e-5, 0, west, 0, -1e-5, 50), CRS.from_epsg(4326))
    path = save(tmp_path / "a.tif", IDS, Affine(1e-5, 0, 20 - west, 0, -1e-5, 50), grid.crs)
    assert np.array_equal(open_labels(path, grid, TASK).read(WHOLE), IDS)


@pytest.mark.parametrize("crs", [UTM, CRS.from_epsg(32733)])
def test_labels_of_another_place_are_not_to_be_warped(tmp_path: Path, crs: CRS) -> None:
    path = save(tmp_path / "a.tif", IDS, Affine(0.5, 0, 500100, 0, -0.5, 5000000), crs)
    how = r"(they do not meet|EPSG:32733, the image EPSG:32633)"
    with pytest.raises(LabelError, match=f"{how}; correct the place or CRS of one"):
        open_labels(path, GRID, TASK)
