from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from smalti.card import Task
from smalti.errors import OutputError
from smalti.products import Product
from smalti.raster.grid import Grid
from smalti.raster.mark import state
from smalti.raster.write import Rows, write_raster

GRID = Grid(700, 90, Affine(0.3, 0, 500000, 0, -0.3, 5000000), CRS.from_epsg(32633))
COVER = Task(name="cover", labels=("land & sand", "water"), colors=((10, 20, 30), (40, 50, 60)))


def rows_of(pixels: np.ndarray[Any, Any]) -> Rows:
    return lambda begin, end: pixels[:, begin:end]


def pixels_of(product: Product, grid: Grid) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, (len(product.bands), grid.height, grid.width)).astype(product.dtype)


@pytest.mark.parametrize("cog", [False, True])
def test_a_class_map_has_its_place_colours_and_names(tmp_path: Path, cog: bool) -> None:
    product, path = Product(COVER, "classes"), tmp_path / "map.tif"
    pixels = pixels_of(product, GRID)
    pixels[:, :3] = 255
    write_raster(path, GRID, product=product, rows=rows_of(pixels), scratch=tmp_path, cog=cog, job="job 1")
    with rasterio.open(path) as file:
        assert (file.crs, file.transform, file.nodata) == (GRID.crs, GRID.transform, 255)
        assert file.colorinterp == (ColorInterp.palette,)
        assert file.colormap(1) == {0: (10, 20, 30, 255), 1: (40, 50, 60, 255)}
        assert file.tags(1) == {"CLASS_0": "land & sand", "CLASS_1": "water"}
        assert file.descriptions == ("cover",)
        assert file.profile["tiled"]
        assert file.compression.name == "deflate"
        assert (file.read() == pixels).all()
        assert bool(file.overviews(1)) == cog
        assert file.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == ("COG" if cog else None)
    assert "<Category>land &amp; sand</Category>" in path.with_name("map.tif.aux.xml").read_text()
    assert (state(path, "job 1"), state(path, "job 2")) == ("finished", "other job")
    assert {p.name for p in tmp_path.iterdir()} == {"map.tif", "map.tif.aux.xml", "map.qml"}


def test_probabilities_declare_their_scale(tmp_path: Path) -> None:
    product, path = Product(COVER, "probabilities"), tmp_path / "p.tif"
    write_raster(path, GRID, product=product, rows=rows_of(pixels_of(product, GRID)), scratch=tmp_path)
    with rasterio.open(path) as file:
        assert file.scales == (1 / 250, 1 / 250)
        assert file.descriptions == COVER.labels
        assert file.nodata == 255


@pytest.mark.parametrize("cog", [False, True])
def test_values_without_a_place(tmp_path: Path, cog: bool) -> None:
    product, path = Product(Task(name="height", kind="value", unit="m"), "values"), tmp_path / "height.tif"
    grid = Grid(1, 1)
    pixels = np.full((1, 1, 1), np.nan, np.float32)
    write_raster(path, grid, product=product, rows=rows_of(pixels), scratch=tmp_path, cog=cog)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as file:
        assert (file.units, file.dtypes, file.crs) == (("m",), ("float32",), None)
        assert np.isnan(file.nodata)
        assert np.isnan(file.read()).all()


def test_what_does_not_read_back_is_not_published(tmp_path: Path) -> None:
    product, path = Product(COVER, "classes"), tmp_path / "map.tif"
    rng = np.random.default_rng(0)

    def changing(begin: int, end: int) -> np.ndarray[Any, Any]:
        return rng.integers(0, 2, (1, end - begin, GRID.width), np.uint8)

    with pytest.raises(OutputError, match=r"map\.tif: cannot be written, perhaps the disk is full: rows 0 to 512"):
        write_raster(path, GRID, product=product, rows=changing, scratch=tmp_path)
    assert not path.exists()


def write(path: Path, job: str = "job 1", grid: Grid = GRID, valid: bool = True) -> bool:
    product = Product(COVER, "classes")
    pixels = pixels_of(product, grid) if valid else np.full((1, grid.height, grid.width), 255, np.uint8)
    scratch = path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return write_raster(path, grid, product=product, rows=rows_of(pixels), scratch=scratch, job=job)


def test_a_raster_without_a_valid_pixel_is_noticed(tmp_path: Path) -> None:
    assert write(tmp_path / "a.tif")
    assert not write(tmp_path / "b.tif", valid=False)
    values, scratch = Product(Task(name="height", kind="value"), "values"), tmp_path / "scratch"
    nothing, something = np.full((1, 5, 4), np.nan, np.float32), np.zeros((1, 5, 4), np.float32)
    grid = Grid(5, 4, GRID.transform, GRID.crs)
    assert not write_raster(tmp_path / "c.tif", grid, product=values, rows=rows_of(nothing), scratch=scratch)
    assert write_raster(tmp_path / "d.tif", grid, product=values, rows=rows_of(something), scratch=scratch)


def test_what_lies_at_an_output_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    assert state(path, "job 1") == "missing"
    write(path)
    with rasterio.open(path, "r+") as file:
        file.write(1 - file.read(1), 1)
    assert state(path, "job 1") == "changed"
    path.write_bytes(path.read_bytes()[:5000])
    assert state(path, "job 1") == "unreadable"
    write(path)
    (tmp_path / "map.tif.aux.xml").unlink()
    assert state(path, "job 1") == "unmarked"
    with rasterio.open(path, "w", driver="GTiff", height=3, width=3, count=1, dtype="uint8", crs="EPSG:4326",
                       transform=GRID.transform) as file:  # fmt: skip
        file.write(np.ones((1, 3, 3), np.uint8))
    assert state(path, "job 1") == "foreign"


@pytest.mark.filterwarnings("ignore:.*statistics")
def test_a_mark_survives_what_programs_write_into_the_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    write(path)
    with rasterio.open(path) as file:
        file.statistics(1)  # kept in the side-car when the file is closed
    assert "STATISTICS_MEAN" in (tmp_path / "map.tif.aux.xml").read_text()
    assert state(path, "job 1") == "finished"


def test_sidecars_of_a_former_raster_go_with_it(tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    write(path)
    stale = ("map.tif.ovr", "map.tif.msk", "map.tfw", "map.TIFW", "map.wld", "map.tif.msk.ovr",
             "map.tif.vat.dbf", "map.tif.ovr.aux.xml")  # fmt: skip
    kept = ("map.aux", "map.prj", "other.tif.ovr", "map.tif.txt", "old.tfw", "old.tiff", "old.wld", "old.png")
    for name in (*stale, *kept):
        (tmp_path / name).write_text("former")
    write(path, "job 2")
    assert not [name for name in stale[:2] if (tmp_path / name).exists()]
    (tmp_path / "map.aux").unlink()  # whose the world files are is certain only without it
    write(path, "job 3")
    assert not [name for name in stale if (tmp_path / name).exists()]
    write(tmp_path / "old.tif")
    assert [name for name in kept[1:] if (tmp_path / name).exists()] == list(kept[1:])


def test_a_raster_is_written_through_a_link(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    link = tmp_path / "map.tif"
    link.symlink_to(Path("disk") / "real.tif")
    for _ in range(2):
        write(link)
        assert link.is_symlink()
        assert {entry.name for entry in disk.iterdir()} == {"real.tif", "real.tif.aux.xml"}
        assert state(link, "job 1") == "finished"
        for opened in (link, disk / "real.tif"):
            with rasterio.open(opened) as file:
                assert (file.colormap(1)[1], file.tags()["SMALTI_JOB"]) == ((40, 50, 60, 255), "job 1")


@pytest.mark.parametrize("cog", [False, True])
def test_the_streams_of_the_process_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, cog: bool
) -> None:
    product, grid = Product(COVER, "classes"), Grid(8, 9)
    with monkeypatch.context() as patch:
        patch.setattr("os.dup2", None)
        write_raster(
            tmp_path / "photo.tif",
            grid,
            product=product,
            rows=rows_of(pixels_of(product, grid)),
            scratch=tmp_path,
            cog=cog,
        )
    assert not recwarn.list  # nor is a map of a photo warned of
