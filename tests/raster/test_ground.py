from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from smalti.polygons.areas import pixel_areas
from smalti.raster.grid import Grid
from smalti.raster.ground import axes_m, pixel_size_m, why_no_metres, wkt_of
from smalti.tiling import Window

SYSTEMS = {
    "UTM": ("EPSG:32640", 0.3, 305000, 2790000),
    "US feet": ("EPSG:2263", 1.0, 2e6, 3e5),
    "equidistant cylindrical": ("EPSG:4087", 0.3, 1000000, 6679169),
    "Mercator with a standard parallel": ("EPSG:3994", 0.3, 0, -3767133),
    "ellipsoidal Mercator": ("EPSG:3395", 0.6, 1000000, 8362000),
    "web Mercator": ("EPSG:3857", 0.6, 1000000, 8399737),
    "polar stereographic": ("EPSG:3413", 0.4, 0, -3300000),
    "over the pole": ("EPSG:3413", 1000.0, -1e5, 1e5),
    "grads": ("EPSG:4807", 4.4e-6, 0, 54.3),
    "projected from grads": ("EPSG:27572", 0.5, 600000, 2400000),
    "degrees": ("EPSG:4326", 1e-5, 15, 60),
    "degrees over the date line": ("EPSG:4326", 0.01, 179, 10),
    "a continent in degrees": ("EPSG:4326", 0.25, -20, 60),
    "northing before easting": ("EPSG:2193", 0.5, 1600000, 5400000),
    "spherical equal-area": ("EPSG:9311", 0.4, -1000000, -500000),
    "sinusoidal on a sphere": ("+proj=sinu +R=6371007.181 +units=m", 463.3127, -1e6, 5e6),
    "turned pole": ("+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39 +lon_0=18 +ellps=WGS84", 1e-3, 3, 4),
    "with heights": ("EPSG:7405", 0.5, 400000, 300000),
}
LOCAL = 'LOCAL_CS["site",UNIT["{}",{}],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
GEOCENTRIC = (
    'GEOCCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["metre",1],AXIS["Geocentric X",OTHER],AXIS["Geocentric Y",OTHER],AXIS["Geocentric Z",NORTH]]'
)


def grid_of(crs: str, pixel: float, x: float, y: float, height: int = 200, width: int = 160) -> Grid:
    return Grid(height, width, Affine(pixel, 0, x, 0, -pixel, y), CRS.from_user_input(crs))


def geodesic_area(grid: Grid, polygon: shapely.Polygon) -> float:
    """Square metres by another way: GDAL takes a fine outline to WGS 84, GeographicLib measures it by geodesics."""
    fine = shapely.get_coordinates(shapely.segmentize(polygon, max(grid.height, grid.width) / 800))
    lon, lat = transform(grid.crs, CRS.from_epsg(4326), *grid.xy(fine[:, 0], fine[:, 1]))
    return abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0])


@pytest.mark.parametrize("name", SYSTEMS)
def test_areas_are_those_of_the_ellipsoid(name: str) -> None:
    grid = grid_of(*SYSTEMS[name])
    middle = shapely.box(78, 98, 82, 102)
    slanting = shapely.Polygon([(0, 0), (160, 50), (90, 200)])
    polygons = np.array([middle, slanting, shapely.box(0, 0, 160, 200)], object)
    truth = np.array([geodesic_area(grid, polygon) for polygon in polygons])
    ground = pixel_areas(grid)
    assert ground is not None
    found = ground.of_polygons(polygons)
    assert np.abs(found / truth - 1).max() < 1e-4
    assert pixel_size_m(grid) == pytest.approx((truth[0] / 16) ** 0.5, rel=2e-4)


@pytest.mark.parametrize("name", ["UTM", "degrees", "a continent in degrees", "over the pole"])
def test_a_polygon_is_as_large_as_its_pixels(name: str) -> None:
    grid = grid_of(*SYSTEMS[name])
    ground = pixel_areas(grid)
    assert ground is not None
    pixels = ground.of_window(Window(0, 0, 200, 160))
    stairs = shapely.Polygon([(7, 3), (150, 3), (150, 190), (60, 190), (60, 80), (7, 80)])
    inside = np.zeros((200, 160), bool)
    inside[3:80, 7:150] = inside[80:190, 60:150] = True
    assert ground.of_polygons(np.array([stairs], object))[0] == pytest.approx(pixels[inside].sum(), rel=1e-5)
    assert np.array_equal(ground.of_window(Window(50, 20, 30, 40)), pixels[50:80, 20:60])


def test_sides_of_a_pixel() -> None:
    size = axes_m(grid_of("EPSG:4326", 1e-5, 15, 60))
    assert size == pytest.approx((0.55800, 1.11412), rel=1e-4)
    turned = Grid(9, 9, Affine(0, 0.2, 305000, -0.5, 0, 2790000), CRS.from_epsg(32640))
    assert axes_m(turned) == pytest.approx((0.5, 0.2), rel=1e-3)


def test_local_coordinates_are_a_plane() -> None:
    site = grid_of(LOCAL.format("metre", 1), 0.25, 1000, 2000)
    assert axes_m(site) == pytest.approx((0.25, 0.25))
    assert pixel_areas(site).of_polygons(np.array([shapely.box(1, 2, 5, 7)], object)) == pytest.approx([1.25])
    feet = grid_of(LOCAL.format("US survey foot", 0.3048006096012192), 1, 0, 0)
    assert pixel_size_m(feet) == pytest.approx(0.3048006)


@pytest.mark.parametrize("crs", [GEOCENTRIC, LOCAL.format("unknown", 1), "+proj=geos +h=35785831 +sweep=y", None])
def test_where_there_is_no_ground(crs: str | None) -> None:
    grid = grid_of(crs, 1000, -5.5e6, 5.5e6) if crs else Grid(3, 4)
    assert axes_m(grid) is None and pixel_size_m(grid) is None
    assert ("no metres" if crs else "no CRS") in why_no_metres(grid)
    assert axes_m(Grid(3, 4, crs=CRS.from_epsg(32640))) is None
    assert axes_m(Grid(3, 4, Affine.scale(2))) is None


def test_beside_the_globe_nothing_is_large() -> None:
    disk = grid_of("+proj=geos +h=35785831 +sweep=y", 30000, -6e6, 6e6, 400, 400)
    ground = pixel_areas(disk)
    assert ground is not None
    pixels = ground.of_window(Window(0, 0, 400, 400))
    assert pixels[0, 0] == 0 and pixels[200, 200] == pytest.approx(30000**2, rel=2e-3)


def test_another_body_has_its_own_radius() -> None:
    moon = grid_of("+proj=longlat +R=1737400", 0.001, 10, 0)
    assert axes_m(moon) == pytest.approx((1737.4 * np.pi / 180, 1737.4 * np.pi / 180), rel=1e-4)


def test_a_file_of_a_spherical_projection_keeps_it(tmp_path: Path) -> None:
    crs, pixel, x, y = SYSTEMS["spherical equal-area"]
    grid = grid_of(crs, pixel, x, y)
    options = {"count": 1, "dtype": "uint8", "crs": grid.crs, "transform": grid.transform}
    with rasterio.open(tmp_path / "a.tif", "w", height=200, width=160, **options) as file:
        file.write(np.zeros((1, 200, 160), np.uint8))
    with rasterio.open(tmp_path / "a.tif") as file:
        read = Grid(200, 160, file.transform, file.crs)
    assert pixel_size_m(read) == pytest.approx(pixel_size_m(grid), rel=1e-9)
    assert wkt_of(read.crs) == wkt_of(grid.crs)


def test_a_code_has_one_definition_whatever_was_read_before(tmp_path: Path) -> None:
    shape = {"height": 8, "width": 8, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(tmp_path / "map.tif", "w", driver="GTiff", transform=Affine(2, 0, 0, 0, -2, 0), **shape):
        pass

    def read() -> str:
        with rasterio.open(tmp_path / "map.tif") as file:
            return wkt_of(file.crs)

    with ThreadPoolExecutor(1) as thread:  # the library remembers codes per thread
        found = {read(), thread.submit(read).result(), wkt_of(CRS.from_epsg(32633))}
    assert len(found) == 1 and "ENSEMBLE" in found.pop()
