from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
from affine import Affine

from smalti.errors import RasterError
from smalti.mosaics.clouds import cloud_file, without_clouds
from smalti.mosaics.source import Reading
from smalti.raster.check import file_name
from smalti.raster.read import open_raster
from smalti.raster.stretch import parse_stretch
from smalti.tiling import Window
from tests.mosaics.scenes import LEFT, TOP, pixels_of, write_scene
from tests.raster.still_open import still_open


def test_a_mask_is_named_after_its_scene() -> None:
    assert cloud_file("a/b.c/scene.tif", "{}_clouds.tif") == "a/b.c/scene_clouds.tif"
    assert cloud_file("s3://bucket/scene.tif", "masks/{}.tif") == "s3://bucket/masks/scene.tif"
    assert cloud_file("/vsizip/a.zip/scene.tif", "{}_clouds.tif") == "/vsizip/a.zip/scene_clouds.tif"
    assert cloud_file("scene.tif", "SCL") is None


def test_a_mask_on_windows_lies_beside_its_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.raster.check.Path", PureWindowsPath)
    monkeypatch.setattr("smalti.mosaics.clouds.PurePath", PureWindowsPath)
    assert cloud_file("C:\\2021\\s.tif", "{}_clouds.tif") == "C:\\2021\\s_clouds.tif"
    assert cloud_file("C:/2021/s.tif", "{}_clouds.tif") == "C:/2021/s_clouds.tif"
    assert cloud_file("s3://bucket/s.tif", "{}_clouds.tif") == "s3://bucket/s_clouds.tif"
    assert file_name("C:\\20210501\\s.tif") == "s.tif"  # where its date is looked for


def test_a_finer_or_smaller_mask_hides_what_it_covers(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif", pixels_of(40, 40))
    clouds = np.zeros((1, 40, 20), np.uint8)
    clouds[0, :20, 10:] = 8
    write_scene(tmp_path / "scene_clouds.tif", clouds, row=20, col=40, pixel=0.25, nodata=None)
    with without_clouds(open_raster(scene), "{}_clouds.tif", [8]) as reader:
        _, valid = reader.read(Window(0, 0, 40, 40))
    hidden = np.zeros((40, 40), bool)
    hidden[10:20, 25:30] = True
    assert np.array_equal(~valid, hidden)


def test_masks_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif", pixels_of(40, 40))
    with open_raster(scene) as reader:
        with pytest.raises(RasterError, match=r"scene_clouds.tif: there is no such file"):
            without_clouds(reader, "{}_clouds.tif", [])
        with pytest.raises(RasterError, match="there is no band 'SCL'"):
            without_clouds(reader, "SCL", [])
        write_scene(tmp_path / "scene_clouds.tif", np.zeros((1, 40, 40), np.uint8), crs="EPSG:32634")
        with pytest.raises(RasterError, match=r"scene_clouds.tif: its CRS is not that of .*scene.tif"):
            without_clouds(reader, "{}_clouds.tif", [])
        write_scene(tmp_path / "scene_clouds.tif", np.zeros((2, 40, 40), np.uint8))
        with pytest.raises(RasterError, match=r"scene_clouds.tif: has 2 bands; expected a cloud mask of one band"):
            without_clouds(reader, "{}_clouds.tif", [])
        turned = reader.grid.transform @ Affine.rotation(1)
        write_scene(tmp_path / "scene_clouds.tif", np.zeros((1, 40, 40), np.uint8), transform=turned)
        with pytest.raises(RasterError, match=r"scene_clouds.tif: its rows and columns are turned against those of"):
            without_clouds(reader, "{}_clouds.tif", [])


def test_a_mask_is_read_where_its_scene_lies_when_both_are_turned(tmp_path: Path) -> None:
    place = Affine.translation(LEFT, TOP) @ Affine.rotation(30) @ Affine.scale(0.5, -0.5)
    scene = write_scene(tmp_path / "scene.tif", pixels_of(40, 40), transform=place)
    clouds = np.zeros((1, 20, 20), np.uint8)
    clouds[0, 2:5, 10:] = 1
    write_scene(tmp_path / "scene_clouds.tif", clouds, transform=place @ Affine.scale(2), nodata=None)
    with without_clouds(open_raster(scene), "{}_clouds.tif", []) as reader:
        _, valid = reader.read(Window(0, 0, 40, 40))
    hidden = np.zeros((40, 40), bool)
    hidden[4:10, 20:] = True
    assert np.array_equal(~valid, hidden)


@pytest.mark.parametrize("reading", [Reading(stretch=parse_stretch("2%,98%")), Reading(clouds="{}_clouds.tif")])
def test_a_scene_that_cannot_be_used_is_closed(
    reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = write_scene(tmp_path / "scene.tif", pixels_of(40, 40).astype(np.float32))
    write_scene(tmp_path / "scene_clouds.tif", np.zeros((2, 40, 40), np.uint8))
    opened = still_open(monkeypatch)
    with pytest.raises(RasterError):
        reading.open(str(scene), [1, 2, 3])
    assert not opened
