"""A lesson in the app on a large scene: time of a stroke, of a lesson and of the view after it, and memory.

    python benchmarks/teach_app.py [--side 12000] [--strokes 24]

Starts a server of its own in a temporary folder, opens a drawn scene, and paints at the middle of it, strokes of two
classes in turn. After each stroke it learns, and asks for all tiles of a view of 1536 x 1024 pixels, six at a time, as
a browser does. Meanwhile another client asks whether the server is up. The rest of a scene of more than 900 tiles is
not predicted in the background, so that the time of a processor is of the requests alone. Prints one table.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import rasterio
from affine import Affine
from app_load import SAMPLE, Server, serving
from PIL import Image
from rasterio.windows import Window

from smalti.text import aligned

WIDTH, HEIGHT = 1536, 1024
BLOCK = 512
AT_ONCE = 6
TILE = 256


def draw(path: Path, side: int) -> Path:
    """A scene of photos side by side, each shifted in its own way, so that no two tiles are alike."""
    photo = np.moveaxis(np.asarray(Image.open(SAMPLE).convert("RGB").resize((BLOCK, BLOCK))), -1, 0)
    shape = {"width": side, "height": side, "count": 3, "dtype": "uint8", "compress": "deflate"}
    place = {"crs": "EPSG:32631", "transform": Affine(0.5, 0, 500000, 0, -0.5, 5000000)}
    with rasterio.open(
        path, "w", driver="GTiff", tiled=True, blockxsize=BLOCK, blockysize=BLOCK, **shape, **place
    ) as file:
        for k, (row, col) in enumerate(np.ndindex(-(-side // BLOCK), -(-side // BLOCK))):
            height, width = min(BLOCK, side - row * BLOCK), min(BLOCK, side - col * BLOCK)
            pixels = np.roll(photo, (37 * k % BLOCK, 101 * k % BLOCK), axis=(1, 2))
            file.write(pixels[:, :height, :width], window=Window(col * BLOCK, row * BLOCK, width, height))
    return path


class View:
    """The middle of a scene at full resolution, as a browser shows it."""

    def __init__(self, server: Server, scene: dict, lesson: str) -> None:
        self._http, self._path = server.http, f"/api/lessons/{lesson}/scenes/{scene['id']}"
        col, row = (
            (side // 2 - size // 2) // TILE for side, size in ((scene["width"], WIDTH), (scene["height"], HEIGHT))
        )
        z = scene["levels"] - 1
        self._tiles = [(z, col + x, row + y) for y in range(HEIGHT // TILE) for x in range(WIDTH // TILE)]
        self._window = {"col": col * TILE, "row": row * TILE, "width": WIDTH, "height": HEIGHT}

    def load(self) -> None:
        """Asks for all tiles."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for answer in pool.map(self._tile, self._tiles):
                answer.raise_for_status()

    def _tile(self, tile: tuple[int, int, int]) -> httpx.Response:
        return self._http.get(f"{self._path}/tiles/{tile[0]}/{tile[1]}/{tile[2]}.png")

    def stale(self) -> int:
        """Tiles of the network in view that are not up to date."""
        return int(self._http.get(f"{self._path}/shown", params=self._window).json()["stale"])

    def ready(self, server: Server) -> None:
        """Waits until the view is up to date."""
        while self.stale():
            server.look()
            time.sleep(0.2)


@contextmanager
def beating(server: Server, times: list[float]) -> Iterator[None]:
    """Asks ten times a second whether the server is up, during the block."""
    stop = threading.Event()

    def beat() -> None:
        with httpx.Client(base_url=server.http.base_url, timeout=60, trust_env=False) as http:
            while not stop.wait(0.1):
                begun = time.perf_counter()
                http.get("/health").raise_for_status()
                times.append(time.perf_counter() - begun)

    thread = threading.Thread(target=beat)
    thread.start()
    yield
    stop.set()
    thread.join()


def stroke(server: Server, path: str, scene: dict, number: int) -> None:
    """One of two classes, somewhere in view."""
    col, row = scene["width"] // 2 - 700 + number * 137 % 1400, scene["height"] // 2 - 450 + number * 211 % 900
    body = {"class": ("building", "road")[number % 2], "line": [[col, row], [col + 30, row + 8]], "size": 10}
    server.http.post(f"{path}/strokes", json=body).raise_for_status()


class Clock:
    """Seconds of a wall clock, and of a processor in the server's process."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.wall: list[float] = []
        self.processor: list[float] = []

    def __call__(self, work: Callable[[], object]) -> None:
        """Measures a call."""
        begun, used = time.perf_counter(), self._used()
        work()
        self.wall.append(time.perf_counter() - begun)
        self.processor.append(self._used() - used)

    def _used(self) -> float:
        times = self._server.process.cpu_times()
        return float(times.user + times.system)

    def row(self, what: str, skip: int = 0) -> tuple[str, str, str]:
        """A row of the table."""
        return what, figure(self.wall[skip:]), figure(self.processor[skip:])


def figure(times: list[float]) -> str:
    """The median, and what 95 % stay below."""
    return f"{np.median(times):.2f} s, {np.quantile(times, 0.95):.2f} s"


def main() -> None:
    """Measures all, and prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=12000)
    parser.add_argument("--strokes", type=int, default=24)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = draw(folder / "large.tif", given.side)
        with serving(folder) as server:
            rows = measure(server, server.scene(picture), given.strokes)
    print("\n".join(aligned([("what: median, 95 %", "wall clock", "processor"), *rows])))


def measure(server: Server, scene: dict, strokes: int) -> list[tuple[str, str, str]]:
    """The rows of the table."""
    lesson = server.http.post("/api/lessons", json={"scene": scene["id"]}).raise_for_status().json()["id"]
    view, path = View(server, scene, lesson), f"/api/lessons/{lesson}/scenes/{scene['id']}"
    first, painted, learned, seen = (Clock(server) for _ in range(4))
    up: list[float] = []
    first(lambda: view.ready(server))
    with beating(server, up):
        stale = 0
        for number in range(strokes):
            painted(lambda k=number: stroke(server, path, scene, k))
            learned(lambda: server.http.post(f"/api/lessons/{lesson}/learn").raise_for_status())
            seen(view.load)
            stale += view.stale() > 0
            server.look()
    return [
        first.row("first view, with the network"),
        painted.row(f"{strokes} strokes, each on the disk"),
        learned.row("lessons, but for the first one, which computes features of the whole scene", 1),
        seen.row("all tiles of the view after a lesson"),
        ("views that were not up to date at once", str(stale), ""),
        ("whether the server is up, meanwhile", f"{figure(up)}, at most {max(up):.2f} s", ""),
        ("memory of all processes, at most", f"{server.memory / 2**20:.0f} MiB", ""),
    ]


if __name__ == "__main__":
    main()
