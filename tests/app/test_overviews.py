"""Large scenes: a view from afar at once, and overviews beside a virtual raster in the cache."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from smalti.app import overviews, scenes, view
from tests.app.conftest import Server
from tests.app.pictures import write_tiff


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a scene of 1024 pixels a large one."""
    for module in (scenes, overviews):
        monkeypatch.setattr(module, "SMALL", 100_000)
    monkeypatch.setattr(view, "BUDGET", 300_000)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Brighter from left to right; the bottom right is no data."""
    pixels = np.tile(np.linspace(10, 250, 1024, dtype=np.uint8), (3, 1024, 1))
    pixels[:, 768:, 768:] = 0
    return write_tiff(tmp_path / "root" / "large.tif", pixels, tiled=True, blockxsize=128, blockysize=128, nodata=0)


def first_tile(server: Server, scene: dict[str, object]) -> tuple[np.ndarray, dict[str, str]]:
    answer = server.http.get(f"/api/scenes/{scene['id']}/tiles/0/0/0")
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA")), dict(answer.headers)


def test_a_scene_is_seen_at_once_and_exactly_later(server: Server, large: Path) -> None:
    before = large.read_bytes()
    (found,) = server.http.post("/api/scenes", json={"path": str(large)}).json()
    assert found["overviews"] == "none"
    rough, headers = first_tile(server, found)
    assert headers["cache-control"] == "no-store"
    assert abs(int(rough[100, 40, 0]) - 47) < 25 and abs(int(rough[100, 220, 0]) - 216) < 25
    stop = threading.Event()
    builder = threading.Thread(target=overviews.build_all, args=(server.services.folders, stop))
    builder.start()
    while server.http.get(f"/api/scenes/{found['id']}").json()["overviews"] != "ready":
        stop.wait(0.02)
    stop.set()
    builder.join()
    exact, headers = first_tile(server, found)
    assert "etag" in headers
    assert np.abs(exact[:190, :, 0].astype(int) - np.linspace(10, 250, 256)).max() < 3
    assert exact[250, 250, 3] == 0 and exact[250, 100, 3] == 255
    assert large.read_bytes() == before and sorted(path.name for path in server.root.iterdir()) == ["large.tif"]


@pytest.mark.parametrize("kind", ["palette", "mask", "deep"])
def test_a_virtual_raster_shows_what_its_file_shows(kind: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(1, 200, (1, 600, 700))
    path = write_tiff(tmp_path / "file.tif", pixels.astype(np.uint16 if kind == "deep" else np.uint8))
    with rasterio.open(path, "r+") as file:
        if kind == "palette":
            file.write_colormap(1, {k: (k, 255 - k, 7, 255) for k in range(256)})
        if kind == "mask":
            with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
                file.write_mask(np.arange(700)[None, :].repeat(600, 0) > 100)
    overviews.build(path, tmp_path / "over.vrt", "nearest")
    with rasterio.open(path) as file, rasterio.open(tmp_path / "over.vrt") as over:
        assert (over.read() == file.read()).all() and over.crs == file.crs and over.transform == file.transform
        assert (over.dataset_mask() == file.dataset_mask()).all() and over.dtypes == file.dtypes
        assert over.colorinterp == file.colorinterp and over.overviews(1) == [2, 4]
