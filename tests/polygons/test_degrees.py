import json
from pathlib import Path

import numpy as np
import pyogrio.raw
import pyproj
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import Geod
from rasterio.crs import CRS
from rasterio.warp import transform

from smalti.errors import OutputError, OutputWarning, SmaltiWarning
from smalti.polygons.degrees import Degrees, check_degrees, decimals
from smalti.polygons.vectorize import polygons
from smalti.raster.grid import Grid
from tests.polygons.test_vectorize import TASK, blobs, write

WORLD = shapely.box(-180, -90, 180, 90)


def around(crs: str, lon: float, lat: float, pixel: float, side: int = 60) -> Grid:
    """A square grid around a place."""
    x, y = transform(CRS.from_epsg(4326), CRS.from_user_input(crs), [lon], [lat])
    half = side * pixel / 2
    return Grid(side, side, Affine(pixel, 0, x[0] - half, 0, -pixel, y[0] + half), CRS.from_user_input(crs))


def area_of(grid: Grid, shapes: NDArray[np.object_]) -> float:
    geod = Geod(ellps="WGS84")
    fine = shapely.segmentize(shapes, 1.0)
    return sum(abs(geod.geometry_area_perimeter(part)[0]) for part in shapely.get_parts(fine))


GRIDS = {
    "UTM at the date line": around("EPSG:32660", 180, 0.9, 0.3),
    "degrees beyond 180": around("EPSG:4326", 180, 10, 0.01),
    "the other side": around("EPSG:4326", -180, 10, 0.01),
    "web Mercator beyond its end": Grid(60, 60, Affine(100, 0, 20035000, 0, -100, 3000), CRS.from_epsg(3857)),
    "beside the pole": around("EPSG:3413", 180, 80, 1000),
    "around the north pole": around("EPSG:3413", 0, 90, 1000),
    "around the south pole": around("EPSG:3031", 0, -90, 1000),
    "far from all that": around("EPSG:32633", 15, 45, 0.05),
}


@pytest.mark.parametrize("name", GRIDS)
def test_geojson_is_valid_and_on_the_map(tmp_path: Path, name: str) -> None:
    grid = GRIDS[name]
    classes = blobs(2, 60, 60) % 3
    shapes, _, ids, areas = write(tmp_path / "a.geojson", classes, grid)
    assert shapely.is_valid(shapes).all() and shapely.covers(WORLD, shapes).all()
    for kind in range(3):
        assert area_of(grid, shapes[ids == kind]) == pytest.approx(areas[ids == kind].sum(), rel=2e-3)
    text = json.loads((tmp_path / "a.geojson").read_text())
    kinds = {feature["geometry"]["type"] for feature in text["features"]}
    assert kinds == ({"Polygon"} if name.startswith("far") else {"MultiPolygon"}) and "crs" not in text
    overlap = shapely.area(shapes).sum() - shapely.union_all(shapes).area
    assert abs(overlap) < 1e-6 * shapely.area(shapes).sum()


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:3031", "EPSG:3995"])
def test_outlines_around_a_pole_run_counterclockwise_in_the_file(tmp_path: Path, crs: str) -> None:
    for pixel, side in ((100_000.0, 40), (3000.0, 40), (30.0, 40)):
        grid = around(crs, 30, -89.99 if crs == "EPSG:3031" else 89.99, pixel, side)
        shapes, *_ = write(tmp_path / f"{pixel}.geojson", blobs(1, side, side) % 3, grid)
        assert shapely.is_valid(shapes).all()
        for polygon in shapely.get_parts(shapes):
            assert polygon.exterior.is_ccw and not any(ring.is_ccw for ring in polygon.interiors)


def test_the_whole_world_is_not_cut(tmp_path: Path) -> None:
    world = Grid(18, 36, Affine(10, 0, -180, 0, -10, 90), CRS.from_epsg(4326))
    shapes = write(tmp_path / "a.geojson", np.zeros((18, 36), np.uint8), world)[0]
    assert shapely.area(shapes).sum() == pytest.approx(360 * 180)


def test_decimals_tell_vertices_apart() -> None:
    assert decimals(GRIDS["UTM at the date line"]) == 10 and decimals(GRIDS["degrees beyond 180"]) == 7


def test_degrees_are_those_of_gdal() -> None:
    grid = GRIDS["far from all that"]
    square = np.array([shapely.box(3, 5, 8, 9)], object)
    found = Degrees(grid)(square)
    lon, lat = transform(grid.crs, CRS.from_epsg(4326), *grid.xy(*shapely.get_coordinates(square).T))
    assert shapely.hausdorff_distance(found[0], shapely.Polygon(np.column_stack((lon, lat)))) < 1e-9
    assert shapely.is_ccw(shapely.get_exterior_ring(found[0]))


def test_beside_the_globe_there_are_no_degrees() -> None:
    crs = CRS.from_string("+proj=geos +h=35785831 +sweep=y")
    beside = Grid(9, 9, Affine(1000, 0, -5.5e6, 0, -1000, 5.5e6), crs)
    with pytest.raises(OutputError, match="no longitude and latitude"):
        Degrees(beside)(np.array([shapely.box(0, 0, 9, 9)], object))
    with pytest.raises(OutputError, match="no part of the map"):
        check_degrees(beside)
    check_degrees(Grid(9, 9, Affine(1.3e6, 0, -5.5e6, 0, -1.3e6, 5.5e6), crs))  # its corners only are beside


def test_another_celestial_body_keeps_its_own_coordinates(tmp_path: Path) -> None:
    grid = Grid(8, 8, Affine(1e-3, 0, 10, 0, -1e-3, 20), CRS.from_string("+proj=longlat +R=3396190"))
    check_degrees(grid)
    with pytest.warns(OutputWarning, match="not longitudes and latitudes"):
        shapes, *_ = write(tmp_path / "mars.geojson", np.zeros((8, 8), np.uint8), grid)
    assert shapely.total_bounds(shapes) == pytest.approx((10, 19.992, 10.008, 20))


LOCAL = 'LOCAL_CS["site",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
GEOCENTRIC = (
    'GEOCCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["metre",1],AXIS["Geocentric X",OTHER],AXIS["Geocentric Y",OTHER],AXIS["Geocentric Z",NORTH]]'
)


@pytest.mark.parametrize("ending", [".gpkg", ".fgb", ".geojson"])
@pytest.mark.parametrize("crs", [LOCAL, GEOCENTRIC, None, "EPSG:2163", "EPSG:9311"])
def test_any_crs_can_be_written(tmp_path: Path, ending: str, crs: str | None) -> None:
    place = (Affine(0.4, 0, 1000, 0, -0.4, 2000), CRS.from_user_input(crs)) if crs else ()
    heard: list[SmaltiWarning] = []
    areas = write(tmp_path / f"a{ending}", blobs() % 3, Grid(60, 50, *place), warn=heard.append)[3].astype(float)
    known = crs in (LOCAL, "EPSG:2163", "EPSG:9311")
    assert np.isfinite(areas).all() == known and (not known or areas.sum() == pytest.approx(480, rel=1e-2))
    on_earth = crs is not None and crs.startswith("EPSG")
    assert len(heard) == (ending == ".geojson" and not on_earth)
    assert all(line.startswith(f"{tmp_path}/a{ending}: its coordinates are not longitudes") for line in map(str, heard))


@pytest.mark.parametrize("crs", [LOCAL, GEOCENTRIC, None, "EPSG:9311", "EPSG:7405"])
def test_any_crs_can_be_written_as_parquet(tmp_path: Path, crs: str | None) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    known = CRS.from_wkt(CRS.from_user_input(crs).to_wkt()) if crs else None  # as a file's CRS comes to us
    grid = Grid(60, 50, Affine(0.4, 0, 1000, 0, -0.4, 2000), known)
    count = polygons(lambda window: blobs()[window.slices()], grid, TASK, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    stored = json.loads(table.schema.metadata[b"geo"])["columns"]["geometry"]["crs"]
    assert table.num_rows == count
    assert stored is None if crs is None else pyproj.CRS.from_json_dict(stored) == pyproj.CRS.from_user_input(crs)


def test_what_gdal_warns_of_is_a_line_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    real, heard = pyogrio.raw.write, []

    def warning_write(*arguments: object, **options: object) -> None:
        warnings.warn("something is odd\nmore of it", RuntimeWarning, stacklevel=1)
        real(*arguments, **options)

    monkeypatch.setattr(pyogrio.raw, "write", warning_write)
    write(tmp_path / "a.fgb", blobs(), warn=heard.append)
    assert [str(warning) for warning in heard] == [f"{tmp_path}/a.fgb: something is odd"]
