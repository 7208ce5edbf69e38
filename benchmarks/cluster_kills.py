#!/usr/bin/env python3
"""Maps many small scenes on a cluster of this machine whose workers, scheduler and client are killed at random moments.

All outputs must be complete and have the bytes of a run without a cluster, and no lock or unfinished file may be left.
One worker is slow, one can write small files only, as on a full disk, and is not killed. Prints one table.

    python benchmarks/cluster_kills.py --scenes 200 --kills 20 --scheduler-kills 3 --client-kills 2
"""

import argparse
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

SIZE = 256
"""Rows and columns of a scene."""
PYTHON = [sys.executable, "-m"]
LARGEST = 16_384
"""Bytes of the largest file that the worker can write whose disk is full."""


@dataclass
class Cluster:
    """Processes of a scheduler and its workers, each started again after it was killed."""

    folder: Path
    workers: int
    port: int
    even: bool = False
    """All workers are alike."""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"tcp://127.0.0.1:{self.port}"

    def keep_up(self) -> None:
        """Starts what is not running; the first worker is slow, the last one has a full disk."""
        names = ["scheduler", *(f"worker{k}" for k in range(self.workers))]
        for name in names:
            if name not in self.running or self.running[name].poll() is not None:
                self.running[name] = self._start(name)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        if name == "scheduler":
            more = ["--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0"]
            return self._popen([*PYTHON, "distributed.cli.dask_scheduler", *more])
        more = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--memory-limit", "0", "--no-dashboard"]
        more += ["--local-directory", str(self.folder), "--name", f"{name}-{time.monotonic_ns()}"]
        process = self._popen([*PYTHON, "distributed.cli.dask_worker", self.address, *more])
        if self.even:
            return process
        if name == "worker0":
            os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        if name == f"worker{self.workers - 1}":
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
        return process

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)

    def kill(self, name: str) -> None:
        """Kills a process at once."""
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait()

    def end(self) -> None:
        """Ends all processes."""
        for process in self.running.values():
            process.kill()
            process.wait()


def draw_scenes(folder: Path, scenes: int, size: int) -> None:
    """Scenes of coloured squares; `size` is a multiple of 16."""
    folder.mkdir()
    shape = {"height": size, "width": size, "count": 3, "dtype": "uint8", "compress": "deflate"}
    for k in range(scenes):
        pixels = np.random.default_rng(k).integers(1, 255, (3, size // 16, size // 16), np.uint8)
        place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5 + size * k, 0, -0.3, 5e6)}
        with rasterio.open(folder / f"{k:03d}.tif", "w", driver="GTiff", **shape, **place) as file:
            file.write(pixels.repeat(16, 1).repeat(16, 2))


def command(out: str, model: str, *more: str) -> list[str]:
    return [*PYTHON, "smalti", "map", "scenes", "-o", out, "--model", model, "--polygons", ".gpkg", *more]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def disturbed(folder: Path, asked: argparse.Namespace) -> tuple[float, int]:
    """Maps on the cluster while processes are killed; returns the seconds and the number of clients."""
    plan = ["worker"] * asked.kills + ["scheduler"] * asked.scheduler_kills + ["client"] * asked.client_kills
    kills, chance = len(plan), random.Random(asked.seed)
    chance.shuffle(plan)
    cluster = Cluster(folder, asked.workers, free_port())
    began, clients = time.perf_counter(), 0
    client: subprocess.Popen[bytes] | None = None
    done = folder / "cluster"
    try:
        while client is None or client.poll() is None or client.returncode < 0:
            cluster.keep_up()
            if client is None or client.poll() is not None:
                log = (folder / "client.log").open("ab")
                client = subprocess.Popen(
                    command("cluster/", asked.model, "--scheduler", cluster.address), cwd=folder, stdout=log, stderr=log
                )
                clients += 1
            time.sleep(0.2)
            made = len(list(done.glob("*.gpkg"))) if done.is_dir() else 0
            if plan and made / asked.scenes * 1.1 * (kills + 1) > kills - len(plan) + chance.random():  # over the work
                victim = plan.pop()
                if victim == "client":
                    client.kill()
                    client.wait()
                else:
                    cluster.kill(f"worker{chance.randrange(asked.workers - 1)}" if victim == "worker" else victim)
        if client.returncode or plan:
            log_end = (folder / "client.log").read_text().splitlines()[-5:]
            raise SystemExit("\n".join([f"exit code {client.returncode}, {len(plan)} kills left", *log_end]))
    finally:
        cluster.end()
        if client is not None and client.poll() is None:
            client.kill()
    return time.perf_counter() - began, clients


def timed(folder: Path, arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(arguments, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20, help="of workers")
    parser.add_argument("--scheduler-kills", type=int, default=3)
    parser.add_argument("--client-kills", type=int, default=2)
    parser.add_argument("--model", default="landcover")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster_kills") as place:
        folder = Path(place)
        draw_scenes(folder / "scenes", asked.scenes, SIZE)
        alone = timed(folder, command("alone/", asked.model))
        seconds, clients = disturbed(folder, asked)
        expected, found = contents(folder / "alone"), contents(folder / "cluster")
        same = sum(found.get(name) == content for name, content in expected.items())
        left = sorted(found.keys() - expected.keys()) + [p.name for p in (folder / "cluster").iterdir() if p.is_dir()]
        print("| scenes | kills: workers, scheduler, client | same files | left over | loop | cluster | clients |")
        print("|---|---|---|---|---|---|---|")
        kills = f"{asked.kills}, {asked.scheduler_kills}, {asked.client_kills}"
        figures = f"{same} of {len(expected)} | {len(left)} | {alone:.0f} s | {seconds:.0f} s | {clients}"
        print(f"| {asked.scenes} | {kills} | {figures} |")
        if same != len(expected) or left:
            raise SystemExit(f"differs: {[n for n, c in expected.items() if found.get(n) != c][:5]}, left: {left[:5]}")


if __name__ == "__main__":
    main()
