"""Large scenes: a view from afar at once, and overviews beside a virtual raster in the cache."""

import io
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from smalti.app.database import Database
from smalti.app.scenes import table as scenes
from smalti.app.viewing import overviews, tries, view
from smalti.errors import RasterError
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
    (found,) = server.http.post("/api/scenes", json={"path": str(large)}).json()["scenes"]
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


def test_overviews_of_a_file_of_the_data_folder_move_with_it(tmp_path: Path) -> None:
    for name in ("a/cache", "a/scenes"):
        (tmp_path / name).mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(1, 200, (1, 600, 700), np.uint8)
    overviews.build(write_tiff(tmp_path / "a/scenes/file.tif", pixels), tmp_path / "a/cache/over.vrt", "nearest")
    (tmp_path / "a").rename(tmp_path / "b")
    with rasterio.open(tmp_path / "b/cache/over.vrt") as over:
        assert (over.read() == pixels).all()


def noise(path: Path, side: int = 1024) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (3, side, side), np.uint8)
    return write_tiff(path, pixels, tiled=True)


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of the size of files")
def test_overviews_that_a_full_disk_cuts_short_are_not_served(tmp_path: Path) -> None:
    """GDAL writes the last ones when it closes the file, and says nothing if that fails."""
    import resource
    import signal

    source, target = noise(tmp_path / "file.tif"), tmp_path / "over.vrt"
    overviews.build(source, target, "average")
    whole = (tmp_path / "over.vrt.ovr").stat().st_size
    target.unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for limit in (whole // 3, whole - 3000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            with pytest.raises(RasterError, match="no overviews"):
                overviews.build(source, target, "average")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.tif", "over.vrt.ovr"]
    assert (tmp_path / "over.vrt.ovr").stat().st_size == whole


DYING = """
import os, sys
print(sys.argv[-2], file=open({log!r}, "a"))
if "evil" in sys.argv[-2]:
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The names of the files whose overviews were begun; that of a file named evil takes its process down."""
    log = tmp_path / "log"
    monkeypatch.setattr(overviews, "program", lambda: [sys.executable, "-c", DYING.format(log=str(log))])
    return lambda: [Path(line).name for line in log.read_text().splitlines()]


def test_a_scene_that_takes_its_builder_down_is_set_aside(
    server: Server, built: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "_PAUSE_S", 0)
    paths = [noise(server.root / name, 512) for name in ("good.tif", "evil.tif")]
    ids = [server.http.post("/api/scenes", json={"path": str(path)}).json()["scenes"][0]["id"] for path in paths]
    builder = overviews.Builder(server.services.folders, threading.Event())
    while builder.once():
        pass
    assert built() == ["evil.tif", "good.tif", "evil.tif", "evil.tif"]
    found = [server.http.get(f"/api/scenes/{scene}").json()["overviews"] for scene in ids]
    assert found == ["ready", "failed"]
    assert server.http.get(f"/api/scenes/{ids[1]}/tiles/0/0/0").status_code == 200


def test_a_scene_that_failed_waits(server: Server, built: Callable[[], list[str]]) -> None:
    path = noise(server.root / "evil.tif", 512)
    (scene,) = server.http.post("/api/scenes", json={"path": str(path)}).json()["scenes"]
    builder = overviews.Builder(server.services.folders, threading.Event())
    assert builder.once() and not builder.once()
    assert server.http.get(f"/api/scenes/{scene['id']}").json()["overviews"] == "none"


def test_deaths_of_the_builder_itself_count(server: Server) -> None:
    path = noise(server.root / "scene.tif", 512)
    (scene,) = server.http.post("/api/scenes", json={"path": str(path)}).json()["scenes"]
    database = Database(server.services.folders.database)
    for death in range(1, tries.MOST + 1):
        with database.change() as change:
            change.execute("UPDATE scenes SET overviews = 'building'")
        tries.Tries(database).begin(scene["id"])
        overviews.Builder(server.services.folders, threading.Event()).tidy()
        expected = "none" if death < tries.MOST else "failed"
        assert server.http.get(f"/api/scenes/{scene['id']}").json()["overviews"] == expected


def test_a_stopped_builder_ends_at_once_and_tries_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overviews, "program", lambda: [sys.executable, "-c", "import time; time.sleep(60)"])
    path = noise(server.root / "scene.tif", 512)
    server.http.post("/api/scenes", json={"path": str(path)})
    stop = threading.Event()
    stop.set()
    for _ in range(tries.MOST + 1):
        assert overviews.Builder(server.services.folders, stop).once()


def test_what_a_killed_builder_left_goes(server: Server, scene: Path) -> None:
    cache = server.services.folders.root / "cache"
    kept = cache / f"{server.upload(scene)['id']}.vrt"
    for name in (kept.name, f"{kept.stem}.12.new.vrt.ovr", "removed.vrt", "removed.vrt.ovr"):
        (cache / name).write_text("x")
    overviews.Builder(server.services.folders, threading.Event()).tidy()
    assert list(cache.iterdir()) == [kept]
