"""Run as a script: maps a scene in children that kill themselves at every step, and checks what comes out at the end.

It stands apart from the test run because children are forked, which pytest's own process with its threads must not be.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from smalti import files
from smalti.card import Card, Task
from smalti.mapping import run, spool
from smalti.mapping.rasters import Wanted
from smalti.mapping.run import map_scene
from smalti.raster import write
from smalti.raster.read import open_raster
from tests.tiny import tiny_card


class Fading:
    """Soft answers that depend on where in the tile a pixel lies, as those of nets with global pooling do."""

    def __init__(self) -> None:
        height = Task(name="height", kind="value", unit="m")
        self.card: Card = tiny_card(tile=32, overlap=8, tasks=(*tiny_card().tasks, height))

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        step("predict")
        ramp = np.linspace(0.5, 1.5, 32, dtype=np.float32)
        p = batch * ramp[:, None] * ramp + 1.0
        heights = batch.mean(1, keepdims=True) * ramp / 10
        return {"landcover": (p / p.sum(1, keepdims=True)).astype(np.float32), "height": heights.astype(np.float32)}


KILL_AT = 10**9
STEPS = 0


def step(name: str) -> None:
    global STEPS
    STEPS += 1
    if STEPS == KILL_AT:
        os.kill(os.getpid(), signal.SIGKILL)


def watched(function: Callable[..., Any]) -> Callable[..., Any]:
    def inner(*arguments: Any, **options: Any) -> Any:
        step(f"before {function.__name__}")
        result = function(*arguments, **options)
        step(f"after {function.__name__}")
        return result

    return inner


def child(scene: Path, out: Path, kill_at: int) -> int:
    """Maps in a child that dies at its `kill_at`-th step; returns 0 if it came to the end."""
    pid = os.fork()
    if pid == 0:
        global KILL_AT
        KILL_AT = kill_at
        steps = (files, "sync"), (spool, "sync"), (write, "publish"), (spool.Spool, "put"), (run, "write_raster")
        for place, name in steps:
            setattr(place, name, watched(getattr(place, name)))
        with open_raster(scene) as reader:
            map_scene(reader, Fading(), out, {"scene": "one"}, Wanted(confidence=True))
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def main(scene: Path, folder: Path) -> None:
    whole = folder / "whole"
    assert child(scene, whole / "map.tif", 10**9) == 0
    expected = contents(whole)
    deaths, runs = 0, 0
    patient = folder / "patient"  # dies at ever later steps, each time going on
    for kill_at in (3, 1, 8, 14, 21, 15, 18, 22, 10**9):
        status = child(scene, patient / "map.tif", kill_at)
        deaths += os.WIFSIGNALED(status)
        final = patient / "map.tif"
        assert not final.exists() or final.read_bytes() == expected["map.tif"], kill_at
    assert contents(patient) == expected, (contents(patient).keys(), expected.keys())
    for kill_at in range(1, 200, 13):  # dies once, at any step, then goes on
        out = folder / f"once{kill_at}"
        runs += 1
        if child(scene, out / "map.tif", kill_at) == 0:
            break
        deaths += 1
        assert child(scene, out / "map.tif", 10**9) == 0
        assert contents(out) == expected, kill_at
        assert [path.name for path in out.iterdir() if path.is_dir()] == []
    print(f"{deaths} deaths, {runs} runs")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
