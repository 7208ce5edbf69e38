"""The packaged program, as it is started on a machine without Python: under Xvfb, with a browser, and with pictures.

    make desktop test-desktop

It is not a part of `make test`: it needs the built program (one to some minutes), and of Debian xvfb and chromium.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image, ImageGrab

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "dist/smalti/smalti"
PHOTO = ROOT / "src/smalti/samples/santa_monica.jpg"
PICTURE = ROOT / "dist/desktop.png"
PATIENCE_S = 60


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with an empty home and no Python: all other programs, and a browser that root may start."""
    if not PROGRAM.is_file():
        pytest.fail(f"{PROGRAM} is missing; build it with: make desktop")
    folder = tmp_path_factory.mktemp("machine")
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir()
    for program in Path("/usr/bin").iterdir():
        if not program.name.startswith(("python", "pip", "chromium")):
            (programs / program.name).symlink_to(program)
    browser = programs / "chromium"
    browser.write_text('#!/bin/sh\nexec /usr/bin/chromium --no-sandbox --test-type "$@"\n')
    browser.chmod(0o755)
    return {"PATH": str(programs), "HOME": str(home), "LANG": "C.UTF-8"}


@pytest.fixture
def display(clean: dict[str, str]) -> Iterator[str]:
    """A screen that nobody sees."""
    command = [shutil.which("Xvfb") or "Xvfb", "-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        yield f":{server.stdout.readline().strip()}"
        server.terminate()


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """The sample as a GeoTIFF: 0.6 m, with a CRS."""
    pixels = np.asarray(Image.open(PHOTO)).transpose(2, 0, 1)
    path = tmp_path / "scene.tif"
    known: dict[str, Any] = {"crs": "EPSG:32611", "transform": Affine(0.6, 0, 360000, 0, -0.6, 3765000)}
    shape = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
    with rasterio.open(path, "w", driver="GTiff", dtype="uint8", **shape, **known) as file:
        file.write(pixels)
    return path


def test_there_is_no_python(clean: dict[str, str]) -> None:
    """The test would prove nothing otherwise."""
    assert all(shutil.which(name, path=clean["PATH"]) is None for name in ("python", "python3", "pip"))


def test_it_maps_a_scene_by_its_command_line(clean: dict[str, str], scene: Path, tmp_path: Path) -> None:
    """Map, polygons and report: every library that mapping needs is there."""
    out, polygons = tmp_path / "map.tif", tmp_path / "map.gpkg"
    command = [PROGRAM, "map", scene, "-o", out, "--polygons", polygons, "--report"]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with rasterio.open(scene) as before, rasterio.open(out) as after:
        assert (after.shape, after.crs, after.transform) == (before.shape, before.crs, before.transform)
        assert len(np.unique(after.read(1))) > 2
    assert polygons.stat().st_size > 10_000 and (tmp_path / "map.html").stat().st_size > 10_000


def test_what_is_not_packaged_is_named_in_one_line(clean: dict[str, str], tmp_path: Path) -> None:
    """Training, drawing and photos need what the program does not have."""
    for arguments in (["train", "recipe.toml"], ["draw", "a.tif"], ["photos", "."]):
        done = subprocess.run(
            [PROGRAM, *arguments], env=clean, capture_output=True, text=True, cwd=tmp_path, timeout=60
        )
        assert done.returncode in (1, 3) and done.stderr.startswith("smalti: ") and done.stderr.count("\n") == 1


@dataclass
class App:
    """The running app."""

    address: str
    token: str

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """What the server answers; a POST if there is a body."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.address}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return bytes(answer.read())


@pytest.fixture
def app(clean: dict[str, str], display: str) -> Iterator[App]:
    """The program as a double click starts it: without a command, in a window."""
    start = time.perf_counter()
    with subprocess.Popen([PROGRAM], env=clean | {"DISPLAY": display}, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        address, _, token = program.stdout.readline().strip().partition("/?token=")
        app = App(address, token)
        assert b"<html" in app.ask("/")
        print(f"\nanswers after {time.perf_counter() - start:.2f} s")
        yield app
        program.terminate()
        assert program.wait(30) in (0, 130, -15)


def shown(display: str) -> Image.Image:
    """The screen, as soon as a page covers it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        screen = ImageGrab.grab(xdisplay=display).convert("RGB")
        if len(screen.getcolors(1 << 24) or ()) > 50:
            return screen
        time.sleep(0.2)
    return pytest.fail("no window appeared")


def test_its_window_opens_and_its_worker_maps(app: App, clean: dict[str, str], display: str, scene: Path) -> None:
    """Uploads a scene, maps it, and reads the map; a second window shows it, for the picture of the documentation."""
    start = time.perf_counter()
    shown(display)
    print(f"window after {time.perf_counter() - start:.2f} s more")
    uploaded = json.loads(app.ask("/api/uploads?name=scene.tif", scene.read_bytes(), "application/octet-stream"))
    body = json.dumps({"scene": uploaded["id"], "model": "landcover"}).encode()
    job = json.loads(app.ask("/api/jobs", body))
    end = time.monotonic() + 5 * PATIENCE_S
    while job["state"] not in ("done", "failed", "cancelled") and time.monotonic() < end:
        time.sleep(0.2)
        job = json.loads(app.ask(f"/api/jobs/{job['id']}"))
    assert job["state"] == "done", job
    assert app.ask(f"/api/jobs/{job['id']}/tiles/classes/0/0/0.png").startswith(b"\x89PNG")
    page = f"{app.address}/?token={app.token}#scene={uploaded['id']}&job={job['id']}"
    options = [f"--app={page}", f"--user-data-dir={scene.parent / 'profile'}", "--no-first-run"]
    place = ["--window-position=0,0", "--window-size=1400,900"]
    command = [f"{clean['PATH']}/chromium", *options, *place]
    with subprocess.Popen(command, env=clean | {"DISPLAY": display}, stderr=subprocess.DEVNULL) as browser:
        time.sleep(10)
        shown(display).save(PICTURE)
        browser.terminate()


def test_it_is_taught_by_strokes(app: App, scene: Path) -> None:
    """A lesson needs nothing that the program does not have."""
    uploaded = json.loads(app.ask("/api/uploads?name=scene.tif", scene.read_bytes(), "application/octet-stream"))
    body = json.dumps({"scene": uploaded["id"], "model": "landcover"}).encode()
    lesson = f"/api/lessons/{json.loads(app.ask('/api/lessons', body))['id']}"
    for label, line in (("building", [[40, 40], [60, 60]]), ("vegetation", [[120, 40], [120, 90]])):
        stroke = json.dumps({"class": label, "line": line, "size": 6}).encode()
        app.ask(f"{lesson}/scenes/{uploaded['id']}/strokes", stroke)
    assert json.loads(app.ask(f"{lesson}/learn", b"{}"))["strokes"] == 2


@pytest.mark.parametrize("seconds", [0, 4])
def test_a_closed_window_ends_it_and_the_browser_has_its_own_libraries(
    clean: dict[str, str], tmp_path: Path, seconds: int
) -> None:
    """Closed at once, and when the server runs; what the program starts finds the libraries of the system."""
    browser, heard = tmp_path / "google-chrome", tmp_path / "heard"
    browser.write_text(f'#!/bin/sh\necho "${{LD_LIBRARY_PATH-none}}" > {heard}\nsleep {seconds}\n')
    browser.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{clean['PATH']}"
    done = subprocess.run([PROGRAM], env=clean | {"PATH": path}, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    assert heard.read_text() == "none\n"
