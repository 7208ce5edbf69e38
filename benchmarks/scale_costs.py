"""What mapping costs per pixel, scene, request and task on this machine, for the simulation of many workers.

    python benchmarks/scale_costs.py IMAGE [--model landcover] [--tasks 3000] > costs.json

IMAGE is repeated to a scene of 4096x4096 pixels, stored as a Cloud Optimized GeoTIFF (JPEG, blocks of 512) and read
from a server on the loopback that answers ranges, with the reads of a map; the server counts requests and bytes.
Seconds are those of one core, so that other work on the machine hardly matters. Needs `dask[distributed]`.
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine

import smalti as sm
from smalti.mosaics.source import Reading, look
from smalti.raster.read import open_raster
from smalti.tiling import Window, plan_tiles

SIDE, TILE = 4096, 512


def main() -> None:
    options = _options()
    model = sm.open_model(options.model, threads=1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        scene, small = _scene(Path(options.image), folder)
        costs: dict[str, Any] = {"date": str(date.today()), "model": options.model}
        sm.map(small, folder / "warm.tif", model=model, cog=True)
        first = _core_s(lambda: sm.map(small, folder / "small.tif", model=model, cog=True))
        whole = _core_s(lambda: sm.map(scene, folder / "map.tif", model=model, cog=True))
        pixels, tile = SIDE * SIDE / 1e6, TILE * TILE / 1e6
        costs["core_s_per_mpix"] = (whole - first) / (pixels - tile)
        costs["scene_core_s"] = first - costs["core_s_per_mpix"] * tile
        costs["written_bytes_per_mpix"] = (folder / "map.tif").stat().st_size / pixels
        with _server(folder) as (address, seen):
            began = time.process_time()
            look(f"{address}/{scene.name}", model.card, Reading(), clear=False)
            costs["look"] = {"core_s": time.process_time() - began, "requests": len(seen), "bytes": sum(seen)}
            seen.clear()
            with open_raster(f"{address}/{scene.name}") as reader:
                for tile in plan_tiles(SIDE, SIDE, model.card.tile, model.card.overlap):
                    reader.read(tile.read)
            costs["read"] = {"requests_per_mpix": len(seen) / pixels, "bytes_per_mpix": sum(seen) / pixels}
    costs["task_s"] = _per_task(options.tasks)
    print(json.dumps(costs, indent=1))


def _scene(image: Path, folder: Path) -> tuple[Path, Path]:
    """A large scene and one of a single tile."""
    with open_raster(image) as reader:
        pixels = reader.read(Window(0, 0, reader.grid.height, reader.grid.width))[0]
    repeats = [1, *(-(-SIDE // size) for size in pixels.shape[1:])]
    made = []
    for name, side in (("large", SIDE), ("small", TILE)):
        profile = {"crs": "EPSG:32640", "transform": Affine(0.5, 0, 5e5, 0, -0.5, 2.8e6), "photometric": "rgb"}
        shape = {"height": side, "width": side, "count": 3, "dtype": "uint8"}
        with rasterio.open(folder / f"{name}.raw.tif", "w", driver="GTiff", **shape, **profile) as file:
            file.write(np.tile(pixels, repeats)[:, :side, :side])
        made.append(folder / f"scene-{name}.tif")
        options = {"compress": "jpeg", "blocksize": 512, "quality": 85}
        rasterio.shutil.copy(folder / f"{name}.raw.tif", made[-1], driver="COG", **options)
    return made[0], made[1]


def _core_s(job: Any) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began


class _Ranges(BaseHTTPRequestHandler):
    """Answers HEAD, GET and ranges, and notes the bytes of each answer."""

    def __init__(self, folder: Path, seen: list[int], *arguments: Any) -> None:
        self._folder, self._seen = folder, seen
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self._folder / Path(self.path).name
        if not path.is_file():
            self._seen.append(0)
            self.send_error(404)
            return
        content, first, last = path.read_bytes(), 0, path.stat().st_size - 1
        asked = self.headers.get("Range")
        if asked:
            begin, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(last, int(end) if end else last)
        part = content[first : last + 1]
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT")
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        self._seen.append(len(part) if body else 0)
        if body:
            self.wfile.write(part)

    def log_message(self, *_: Any) -> None:
        """Prints nothing."""


@contextmanager
def _server(folder: Path) -> Iterator[tuple[str, list[int]]]:
    seen: list[int] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Ranges, folder, seen))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


def _nothing(number: int) -> int:
    return number


def _per_task(tasks: int) -> float:
    """Core seconds of Dask's scheduler and client per task that does nothing."""
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(_nothing, range(100)))
        began = time.process_time()
        client.gather(client.map(_nothing, range(100, 100 + tasks)))
        return (time.process_time() - began) / tasks


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("--model", default="landcover")
    parser.add_argument("--tasks", type=int, default=3000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
