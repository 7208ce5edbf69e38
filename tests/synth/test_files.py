import subprocess
import sys
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio

from smalti.errors import BusyError, OutputError
from smalti.lock import hold
from smalti.synth import draw
from smalti.synth.files import grid_of, write_scene
from smalti.tiling import Window


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_scene(tmp_path_factory.mktemp("scene") / "town.tif", 600, 700, 2, nir=True)


def test_rasters_hold_the_drawing_and_open_in_a_gis(scene: list[Path]) -> None:
    drawing = draw(Window(0, 0, 600, 700), 2, nir=True)
    with rasterio.open(scene[0]) as image, rasterio.open(scene[1]) as classes, rasterio.open(scene[2]) as heights:
        assert np.array_equal(image.read(), drawing.image)
        assert np.array_equal(classes.read(1), drawing.classes)
        assert np.array_equal(heights.read(1), drawing.height)
        assert image.descriptions == ("red", "green", "blue", "nir")
        assert classes.nodata == 255 and classes.colormap(1)[1][:3] == (226, 169, 41) and len(classes.colormap(1)) == 5
        assert classes.tags(1)["CLASS_4"] == "road"
        assert heights.units == ("m",)
        for file in (image, classes, heights):
            assert file.crs.to_epsg() == 32640 and file.res == (0.3, 0.3) and file.block_shapes[0] == (512, 512)


def test_buildings_are_in_map_coordinates(scene: list[Path]) -> None:
    info = pyogrio.read_info(scene[3])
    assert info["crs"] == "EPSG:32640" and list(info["fields"]) == ["height", "roof"] and info["features"] > 1
    left, bottom, right, top = info["total_bounds"]
    with rasterio.open(scene[0]) as image:
        bounds = image.bounds
    assert left < bounds.right and right > bounds.left and bottom < bounds.top and top > bounds.bottom


def test_same_seed_same_files(scene: list[Path], tmp_path: Path) -> None:
    again = write_scene(tmp_path / "town.tif", 600, 700, 2, nir=True)
    assert [a.read_bytes() for a in again] == [b.read_bytes() for b in scene]
    assert sorted(tmp_path.iterdir()) == sorted(again)


def test_every_building_is_written_once(tmp_path: Path) -> None:
    from smalti.synth.buildings import buildings

    written = write_scene(tmp_path / "strip.tif", 1600, 300, 7)
    assert pyogrio.read_info(written[3])["features"] == len(buildings(Window(0, 0, 1600, 300), 7))


@pytest.mark.parametrize("size", [1, 17])
def test_the_smallest_scenes(tmp_path: Path, size: int) -> None:
    with rasterio.open(write_scene(tmp_path / "s.tif", size, size, 1)[1]) as classes:
        assert classes.shape == (size, size)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_scene(tmp_path / "file" / "s.tif", 10, 10, 1)


def test_two_at_once(tmp_path: Path) -> None:
    with hold(tmp_path / "s.tif"), pytest.raises(BusyError, match="already"):
        write_scene(tmp_path / "s.tif", 10, 10, 1)


def test_disk_without_room_is_found_before_drawing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"needs 1,600,000,000 MB, the disk has [\d,]+ left"):
        write_scene(tmp_path / "s.tif", 10**9, 10**6, 1)
    assert not list(tmp_path.iterdir())


def test_disk_that_fills_up_leaves_nothing(tmp_path: Path) -> None:
    code = f"""
import resource, pathlib
from smalti.errors import OutputError
from smalti.synth.files import write_scene
resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))
try:
    write_scene(pathlib.Path({str(tmp_path / "s.tif")!r}), 512, 512, 1)
except OutputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "cannot be written, is the disk full?" in done.stdout
    assert not list(tmp_path.iterdir())


def test_each_seed_has_its_own_ground() -> None:
    seen = {(grid.transform.c, grid.transform.f) for grid in (grid_of(10, 10, seed) for seed in range(2000))}
    assert len(seen) == 2000


def test_only_drawings_are_drawn_anew(scene: list[Path], tmp_path: Path) -> None:
    again = write_scene(tmp_path / "town.tif", 40, 40, 2)
    (tmp_path / "town.tif.ovr").write_bytes(b"of the former drawing")
    write_scene(tmp_path / "town.tif", 50, 50, 3)
    assert not (tmp_path / "town.tif.ovr").exists()
    for name in again[:4]:
        before = name.read_bytes()
        foreign = b"a photo, a map or a project"
        name.write_bytes(foreign)
        with pytest.raises(OutputError, match=f"{name.name}: exists and was not drawn"):
            write_scene(tmp_path / "town.tif", 50, 50, 3)
        assert name.read_bytes() == foreign
        name.write_bytes(before)
    pyogrio.raw.write(again[3], np.array([], object), [], [], layer="mine", geometry_type="Point", crs="EPSG:32640",
                      append=True)  # fmt: skip
    with pytest.raises(OutputError, match="was not drawn"):
        write_scene(tmp_path / "town.tif", 50, 50, 3)
