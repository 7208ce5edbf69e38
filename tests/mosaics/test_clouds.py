from pathlib import Path

import numpy as np
import pytest

from smalti.errors import RasterError
from smalti.mosaics.clouds import cloud_file, without_clouds
from smalti.raster.read import open_raster
from smalti.tiling import Window
from tests.mosaics.scenes import pixels_of, write_scene


def test_a_mask_is_named_after_its_scene() -> None:
    assert cloud_file("a/b.c/scene.tif", "{}_clouds.tif") == "a/b.c/scene_clouds.tif"
    assert cloud_file("s3://bucket/scene.tif", "masks/{}.tif") == "s3://bucket/masks/scene.tif"
    assert cloud_file("scene.tif", "SCL") is None


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
