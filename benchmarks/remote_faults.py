"""What object stores and servers do wrong, and what becomes of a map: a table, on the loopback.

    python benchmarks/remote_faults.py > faults.md

moto's S3 server stands behind a small proxy that answers 503, cuts connections, is slow, or says that credentials have
expired. Each row is one scene of a store mapped into a store; its map must have the bytes of one made from local files.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.remote.loopback import Faulty, faulty_store, scene, set_environment
from tests.tiny import tiny_model

from smalti.remote.address import parse_address
from smalti.remote.store import Store

SIZE = 1000
FOREVER = 10**6
CASES: dict[str, list[Mapping[str, Any]]] = {
    "nothing": [],
    "503 SlowDown for the first 4 reads": [{"path": "/scenes/", "kind": "503", "times": 4}],
    "503 SlowDown for the first 4 writes": [{"path": "/maps/", "method": "PUT", "kind": "503", "times": 4}],
    "2 reads cut in the middle": [{"path": "/scenes/", "method": "GET", "kind": "cut", "times": 2}],
    "4 writes cut in the middle": [{"path": "/maps/", "method": "PUT", "kind": "cut", "times": 4}],
    "the first 10 requests late": [{"path": "/", "kind": "slow", "times": 10}],
    "credentials expire at the upload": [
        {"path": r"/maps/.*\.tif$", "method": "PUT", "kind": "expired", "times": FOREVER}
    ],
    "credentials expired from the start": [{"path": "/maps/", "kind": "expired", "times": FOREVER}],
    "kill -9 in the middle": [],
}


def main() -> None:
    with tempfile.TemporaryDirectory() as work, faulty_store("scenes", "maps") as store:
        folder = Path(work)
        file, model = scene(folder / "a.tif", size=SIZE), tiny_model(folder / "tiny.onnx")
        store.put("scenes/a.tif", file.read_bytes())
        subprocess.run(command(str(file), str(folder / "whole.tif"), model, "--cog"), check=True, capture_output=True)
        os.environ.update(store.environment)
        print("| what goes wrong | faults | first run | the same command again | bytes of the map |")
        print("|---|--:|---|---|---|")
        for number, title in enumerate(CASES):
            print(row(title, f"c{number}", store, folder), flush=True)


def command(source: str, out: str, model: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "smalti", "map", source, "-o", out, "--model", str(model), *more]


def row(title: str, place: str, store: Faulty, folder: Path) -> str:
    model, whole = folder / "tiny.onnx", (folder / "whole.tif").read_bytes()
    environment = set_environment(store, folder / "cache")
    asked = command("s3://scenes/a.tif", f"s3://maps/{place}/a.tif", model)
    store.go_wrong(*CASES[title])
    with going(asked, environment) as run:
        started = time.perf_counter()
        if title.startswith("kill"):
            while not list((folder / "cache").rglob("rows_*")) and run.poll() is None:
                time.sleep(0.005)
            run.kill()
        _, error = run.communicate()
        first = said(run.returncode, time.perf_counter() - started, error)
    came = store.came()
    store.go_wrong()
    started = time.perf_counter()
    again = subprocess.run(asked, env=environment, capture_output=True, text=True)
    second = said(again.returncode, time.perf_counter() - started, again.stderr)
    address = parse_address(f"s3://maps/{place}/a.tif")
    found = Store(address).get(address)
    same = "the same" if found is not None and found[0] == whole else "OTHERS"
    return f"| {title} | {came} | {first} | {second} | {same} |"


@contextmanager
def going(asked: list[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(asked, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        yield run


def said(code: int, seconds: float, error: str) -> str:
    lines = [line for line in error.splitlines() if line.startswith("smalti: ")]
    cause = f": {lines[-1].partition(': ')[2].split('; ')[0][:110]}" if lines and code > 0 else ""
    return f"{'killed' if code < 0 else f'code {code}'} after {seconds:.1f} s{cause}"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
