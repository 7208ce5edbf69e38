"""The app under load, on the loopback: tiles while jobs run, uploads, the first tile of a large scene, speed of maps.

    python benchmarks/app_load.py [--side 40000] [--clients 50] [--mapped 3000] [--uploads 200]

Starts a server of its own in a temporary folder. A client pans once every three seconds, which asks for four tiles
that it has not seen, when the scene has its overviews. Prints one table.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
import rasterio
from affine import Affine
from PIL import Image
from rasterio.windows import Window

TOKEN = "a-token-of-the-benchmark"
SAMPLE = Path(__file__).resolve().parents[1] / "src" / "smalti" / "samples" / "santa_monica.jpg"
BLOCK, PAN_S, TILES = 512, 3.0, 4


def draw(path: Path, side: int, compress: str | None = "deflate") -> Path:
    """A scene of photos side by side, each brighter or darker than the next, without overviews."""
    photo = np.asarray(Image.open(SAMPLE).convert("RGB").resize((BLOCK, BLOCK)))
    tones = [np.moveaxis((photo * tone).astype(np.uint8), -1, 0) for tone in (0.6, 0.8, 1.0)]
    shape = {"width": side, "height": side, "count": 3, "dtype": "uint8", "compress": compress}
    place = {"crs": "EPSG:32631", "transform": Affine(0.5, 0, 500000, 0, -0.5, 5000000)}
    with rasterio.open(
        path, "w", driver="GTiff", tiled=True, blockxsize=BLOCK, blockysize=BLOCK, bigtiff="if_safer", **shape, **place
    ) as file:
        for k, (row, col) in enumerate(np.ndindex(-(-side // BLOCK), -(-side // BLOCK))):
            height, width = min(BLOCK, side - row * BLOCK), min(BLOCK, side - col * BLOCK)
            window = Window(col * BLOCK, row * BLOCK, width, height)
            file.write(tones[k % 3][:, :height, :width], window=window)
    return path


@dataclass
class Server:
    """A server of its own."""

    process: psutil.Process
    http: httpx.Client
    memory: int = 0
    times: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Notes the memory of all its processes."""
        with_children = [self.process, *self.process.children(recursive=True)]
        self.memory = max(self.memory, sum(p.memory_info().rss for p in with_children if p.is_running()))

    def scene(self, path: Path) -> dict:
        """A registered scene."""
        return self.http.post("/api/scenes", json={"path": str(path)}).raise_for_status().json()["scenes"][0]

    def map(self, scene: dict) -> str:
        """A job that maps a scene."""
        return self.http.post("/api/jobs", json={"scene": scene["id"]}).raise_for_status().json()["id"]

    def wait(self, job: str) -> dict:
        """A job when it is done."""
        while True:
            found = self.http.get(f"/api/jobs/{job}").json()
            self.look()
            if found["state"] == "done":
                return found
            assert found["state"] in ("queued", "running"), found
            time.sleep(0.2)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Starts and ends it."""
    command = [sys.executable, "-m", "smalti", "serve", "--port", "0", "--data", "data", "--root", str(folder)]
    environment = {**os.environ, "SMALTI_TOKEN": TOKEN}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    address = process.stdout.readline().strip()
    try:
        with httpx.Client(
            base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=300, trust_env=False
        ) as http:
            http.get("/health").raise_for_status()
            yield Server(psutil.Process(process.pid), http)
    finally:
        process.terminate()
        process.wait()


def pan(server: Server, scene: dict, stop: threading.Event, seed: int) -> None:
    """One client: full resolution and two coarser levels, at random places."""
    draw_place = random.Random(seed)
    with httpx.Client(base_url=server.http.base_url, headers=server.http.headers, timeout=60, trust_env=False) as http:
        stop.wait(draw_place.random() * PAN_S)
        while not stop.is_set():
            level = draw_place.randrange(max(0, scene["levels"] - 3), scene["levels"])
            side = max(1, scene["width"] >> (scene["levels"] - 1 - level) >> 8)
            x, y = draw_place.randrange(side), draw_place.randrange(side)
            for step in range(TILES):
                begun = time.perf_counter()
                address = f"/api/scenes/{scene['id']}/tiles/{level}/{min(x + step, side - 1)}/{y}"
                http.get(address).raise_for_status()
                server.times.append(time.perf_counter() - begun)
            stop.wait(PAN_S)


def upload(server: Server, name: str, content: bytes, answers: list[int]) -> None:
    """One upload, and how it was answered."""
    with httpx.Client(base_url=server.http.base_url, headers=server.http.headers, timeout=300, trust_env=False) as http:
        answers.append(http.post("/api/uploads", params={"name": name}, content=content).status_code)


def main() -> None:
    """Measures all, and prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=8000)
    parser.add_argument("--mapped", type=int, default=1500)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large, small = draw(folder / "large.tif", given.side), draw(folder / "small.tif", given.mapped)
        command = [sys.executable, "-m", "smalti", "map", str(small), "-o", "cli.tif"]
        begun = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        alone_cli = time.perf_counter() - begun
        with serving(folder) as server:
            measure(server, large, small, folder, given, alone_cli)


def measure(server: Server, large: Path, small: Path, folder: Path, given: argparse.Namespace, cli: float) -> None:
    """All figures, one line each."""
    scene = first_tile(server, large, given.side)
    built(server, scene)
    mapped = server.scene(small)
    begun = time.perf_counter()
    server.wait(server.map(mapped))  # opens the model
    first = time.perf_counter() - begun
    alone = both(server, mapped)
    times = f"{cli:.1f} s, {first:.1f} s, {alone / 2:.1f} s"
    print(f"| map of {given.mapped:,}²: command line, first job, next jobs | {times} |")
    panned(server, scene, mapped, given.clients, alone)
    large_upload(server, folder, given.megabytes)
    many_uploads(server, given.uploads)
    server.look()
    print(f"| memory of all processes, at most | {server.memory / 2**20:.0f} MiB |")


def first_tile(server: Server, large: Path, side: int) -> dict:
    """A scene, when its first tile is there."""
    begun = time.perf_counter()
    scene = server.scene(large)
    server.http.get(f"/api/scenes/{scene['id']}/tiles/0/0/0").raise_for_status()
    print(f"| first tile of {side:,}² without overviews | {time.perf_counter() - begun:.2f} s |")
    return scene


def built(server: Server, scene: dict) -> None:
    """When the large scene has overviews."""
    while server.http.get(f"/api/scenes/{scene['id']}").json()["overviews"] != "ready":
        server.look()
        time.sleep(1)
    print(f"| its overviews are ready after | {time.time() - scene['created']:.0f} s |")


def both(server: Server, mapped: dict) -> float:
    """The seconds that two jobs take together."""
    jobs = [server.wait(job) for job in [server.map(mapped) for _ in range(2)]]
    return sum(job["ended"] - job["started"] for job in jobs)


def panned(server: Server, scene: dict, mapped: dict, count: int, alone: float) -> None:
    """Tiles while two jobs run."""
    stop = threading.Event()
    clients = [threading.Thread(target=pan, args=(server, scene, stop, seed), daemon=True) for seed in range(count)]
    for client in clients:
        client.start()
    time.sleep(PAN_S)
    server.times.clear()
    loaded = both(server, mapped)
    stop.set()
    for client in clients:
        client.join(60)
    p50, p95 = np.percentile(server.times, [50, 95]) * 1000
    what = f"{count} clients panning while two jobs run: tiles, median, 95 %"
    print(f"| {what} | {len(server.times):,}, {p50:.0f} ms, {p95:.0f} ms |")
    print(f"| the two jobs, against alone | {loaded / alone:.2f} times |")


def large_upload(server: Server, folder: Path, megabytes: int) -> None:
    """One upload of an uncompressed scene."""
    whole = draw(folder / "plain.tif", int((megabytes * 1e6 / 3) ** 0.5), None)
    size = whole.stat().st_size / 1e6
    begun = time.perf_counter()
    with whole.open("rb") as file:
        server.http.post("/api/uploads", params={"name": "plain.tif"}, content=file).raise_for_status()
    print(f"| upload of {size:.0f} MB | {size / (time.perf_counter() - begun):.0f} MB/s |")


def many_uploads(server: Server, count: int) -> None:
    """Uploads at once: each is kept or refused."""
    before, content = len(server.http.get("/api/scenes").json()), SAMPLE.read_bytes()
    answers: list[int] = []
    names = [f"{k}.jpg" for k in range(count)]
    threads = [threading.Thread(target=upload, args=(server, name, content, answers)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = len(server.http.get("/api/scenes").json()) - before
    assert kept == answers.count(201), (kept, answers)
    print(f"| {count} uploads at once: kept, refused | {kept}, {answers.count(429)} |")


if __name__ == "__main__":
    main()
