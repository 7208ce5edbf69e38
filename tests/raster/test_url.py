import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.errors import RasterError
from smalti.raster.mosaic import open_mosaic
from smalti.raster.read import open_raster
from smalti.tiling import Window

PIXELS = np.random.default_rng(0).integers(0, 255, (3, 256, 256), np.uint8)
SERVER = Path(__file__).with_name("range_server.py")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    place = {"crs": "EPSG:32633", "transform": Affine(1, 0, 500000, 0, -1, 5000000)}
    blocks = {"tiled": True, "blockxsize": 64, "blockysize": 64}
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=3, height=256, width=256, dtype="uint8", **place, **blocks
    ) as file:
        file.write(PIXELS)
    with subprocess.Popen([sys.executable, SERVER, tmp_path / "a.tif"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


def test_a_raster_is_read_from_a_url(url: str) -> None:
    with open_raster(f"{url}/a.tif") as reader:
        assert np.array_equal(reader.read(Window(10, 20, 100, 90))[0], PIXELS[:, 10:110, 20:110])
    with open_mosaic([f"{url}/a.tif", f"{url}/sub/a.tif"]) as reader:
        assert np.array_equal(reader.read(Window(10, 20, 100, 90))[0], PIXELS[:, 10:110, 20:110])


def test_a_missing_url_is_told_in_one_line(url: str) -> None:
    with pytest.raises(RasterError, match=r"no\.tif: cannot be opened as an image: HTTP response code: 404"):
        open_raster(f"{url}/no.tif")
