"""Stores and catalogues on the loopback, each a process of its own, for tests and benchmarks."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import rasterio
from affine import Affine

HERE = Path(__file__).parent
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def served(script: str, *arguments: object) -> Iterator[int]:
    """Runs a server of this folder; yields its port."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


@contextmanager
def faulty_store(*buckets: str) -> Iterator["Faulty"]:
    """moto's store with buckets, behind a proxy that goes wrong when asked to."""
    with served("moto_server.py") as port, served("faulty_proxy.py", port) as proxy:
        for bucket in buckets:
            _put(f"http://127.0.0.1:{port}/{bucket}", b"")
        yield Faulty(f"http://127.0.0.1:{proxy}")


def _put(url: str, body: bytes) -> bytes:
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"}
    headers["Content-Type"] = "application/octet-stream"
    with urlopen(Request(url, data=body, method="PUT", headers=headers), timeout=20) as answer:
        return bytes(answer.read())


class Faulty:
    """A server behind the proxy."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which it is reached as a store."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.url, "NO_PROXY": "127.0.0.1"}

    def go_wrong(self, *faults: Mapping[str, Any]) -> None:
        """Sets the faults to come."""
        _put(f"{self.url}/-/faults", json.dumps(faults).encode())

    def came(self) -> int:
        """How many faults came since they were set."""
        with urlopen(f"{self.url}/-/faults", timeout=20) as answer:
            return sum(fault.get("came", 0) for fault in json.load(answer))

    def put(self, key: str, content: bytes) -> None:
        """Writes an object, BUCKET/KEY."""
        _put(f"{self.url}/{key}", content)


def scene(path: Path, seed: int = 0, size: int = 160, count: int = 3, east: int = 500000) -> Path:
    """A raster of noise with a place."""
    pixels = np.random.default_rng(seed).integers(0, 255, (count, size, size), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, east, 0, -0.3, 5000000)}
    blocks = {"tiled": True, "blockxsize": 64, "blockysize": 64}
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=size, width=size, dtype="uint8", **place, **blocks
    ) as file:
        file.write(pixels)
    return path


def catalogue(folder: Path, items: int = 3) -> Path:
    """A static catalogue with a collection of scenes of one band and of three, a month apart; returns its document."""
    links = []
    for k in range(items):
        west = 15 + k * 0.01
        name = f"scene-{k}"
        scene(folder / "c" / f"{name}.tif", k, east=500000 + 1000 * k)
        links.append({"rel": "item", "href": f"./{name}.json", "type": "application/geo+json"})
        _write(folder / "c" / f"{name}.json", _item(name, west, k))
    start = {"stac_version": "1.0.0", "description": "on the loopback", "links": []}
    extent = {
        "spatial": {"bbox": [[15, 45, 15.1, 45.2]]},
        "temporal": {"interval": [["2024-01-01T00:00:00Z", "2024-12-31T00:00:00Z"]]},
    }
    collection = {**start, "type": "Collection", "id": "c", "license": "other", "extent": extent, "links": links}
    _write(folder / "c" / "collection.json", collection)
    child = {"rel": "child", "href": "./c/collection.json"}
    return _write(folder / "catalog.json", {**start, "type": "Catalog", "id": "all", "links": [child]})


def _item(name: str, west: float, k: int) -> dict[str, Any]:
    ring = [[west, 45.1], [west + 0.01, 45.1], [west + 0.01, 45.11], [west, 45.11], [west, 45.1]]
    when = datetime(2024, 1 + k % 12, 15, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    tiff = "image/tiff; application=geotiff"
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "c",
        "bbox": [west, 45.1, west + 0.01, 45.11],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": when, "eo:cloud_cover": 10 * k},
        "links": [{"rel": "collection", "href": "./collection.json"}],
        "assets": {
            "visual": {"href": f"./{name}.tif", "type": tiff, "roles": ["data"]},
            "thumbnail": {"href": "./thumbnail.png", "type": "image/png", "roles": ["thumbnail"]},
        },
    }


def _write(path: Path, document: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def set_environment(store: Faulty, cache: Path) -> dict[str, str]:
    """The environment of a program that works with a store."""
    return {**os.environ, **store.environment, "XDG_CACHE_HOME": str(cache)}
