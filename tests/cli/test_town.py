"""The bundled model of two tasks, on a drawn scene that it has not seen."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

from smalti.cli.draw import command as draw
from smalti.cli.map import command as map_command

MAP = "import sys; sys.modules['torch'] = None; from smalti.cli import main; main()"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a drawn scene and of its maps."""
    folder = tmp_path_factory.mktemp("town")
    scene = str(folder / "scene.tif")
    assert CliRunner().invoke(draw, [scene, "--size", "768", "--seed", "9001"]).exit_code == 0
    arguments = [scene, "-o", str(folder / "map.tif"), "--model", "town", "--report"]
    done = CliRunner().invoke(map_command, arguments)
    assert done.exit_code == 0, done.output
    return folder


def test_one_look_gives_land_cover_and_heights(town: Path) -> None:
    with rasterio.open(town / "map.tif") as file, rasterio.open(town / "scene_classes.tif") as truth:
        assert (file.read(1) == truth.read(1)).mean() > 0.8
    with rasterio.open(town / "map_height.tif") as file, rasterio.open(town / "scene_height.tif") as truth:
        heights, true = file.read(1), truth.read(1)
        assert (file.transform, file.crs, file.units) == (truth.transform, truth.crs, ("m",))
    assert heights.dtype == np.float32 and heights.min() >= 0
    assert np.corrcoef(heights.ravel(), true.ravel())[0, 1] > 0.6
    assert np.sqrt(np.square(heights - true).mean()) < true.std()
    assert "<h2>Height</h2>" in (town / "map.html").read_text()


def test_without_torch_it_answers_the_same(town: Path) -> None:
    out = town / "again.tif"
    command = [sys.executable, "-c", MAP, "map", str(town / "scene.tif"), "-o", str(out), "--model", "town"]
    subprocess.run(command, check=True, capture_output=True)
    with rasterio.open(town / "map_height.tif") as one, rasterio.open(town / "again_height.tif") as other:
        np.testing.assert_allclose(one.read(), other.read(), atol=1e-3)
