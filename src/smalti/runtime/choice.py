"""Chooses the fastest engine for a model on this machine, by a short measurement kept in the user's cache folder.

Another engine is chosen only if it predicts what ONNX Runtime does, and is clearly faster. A measurement is a JSON file
under a hash of all that it depends on; where it is damaged or cannot be written, the next call measures again.
"""

import hashlib
import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from smalti import __version__
from smalti.arrays import Floats, Pixels
from smalti.errors import OutputError, SmaltiError
from smalti.files import deliver, user_cache
from smalti.runtime.batch import usable_cores
from smalti.runtime.measure import noisy_patches
from smalti.runtime.open import REFERENCE, Engine, installed_engines
from smalti.scene import Predictor, coarse_of

LEAST_ALIKE = 0.998
"""Share of the pixels of the self-test that have the same class, or values within `_TOLERANCE`."""
_TOLERANCE = 0.01
"""Of the spread of the reference's values."""
_CLEARLY = 0.9
"""Times of other engines are compared with this part of the reference's: smaller differences are noise."""
_BUSY = 1.5
"""How many times as long as the fastest tile of the reference its median takes, at most, on a machine at rest."""
_SECONDS, _ROUNDS = 1.0, 3
"""Of measurement, and tiles of each engine, at least."""

Start = Callable[[Engine], Predictor]
"""Starts a model with an engine; raises the errors of `open_model`."""


class _DiffersError(Exception):
    """An engine predicts something else than the reference."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, and lines that say why; none where an earlier measurement was found."""

    engine: Engine
    said: tuple[str, ...] = ()


def fastest(start: Start, sha256: str, threads: int | None) -> Choice:
    """The engine of a model with that hash, which `start` starts on that number of threads (None: one per usable core).

    Where only one engine is installed nothing is measured. Raises the errors of `start` for ONNX Runtime.
    """
    others = [engine for engine in installed_engines() if engine != REFERENCE]
    path = _place([sha256, others, threads or usable_cores()])
    if not others or (found := _read(path)) == REFERENCE:
        return Choice(REFERENCE)
    if found in others:
        return Choice(str(found))
    choice, lasting = _measured(start, others)
    if lasting:
        _keep(path, {"engine": choice.engine, "said": choice.said})
    return choice


def _measured(start: Start, others: Sequence[Engine]) -> tuple[Choice, bool]:
    """The fastest engine that passes the self-test, and whether a later measurement is likely to find the same."""
    right, said, lasting = {REFERENCE: start(REFERENCE)}, list[str](), True
    card = right[REFERENCE].card
    tile = noisy_patches(card, card.tile)
    expected = right[REFERENCE](tile)
    for engine in others:
        try:
            right[engine] = _tested(start(engine), tile, expected)
        except (_DiffersError, SmaltiError) as error:
            said.append(f"engine {engine} is not used for {card.name}: {error}")
            lasting &= isinstance(error, _DiffersError)  # others may be a lack of memory, or mended by reinstalling
    if len(right) == 1:
        return Choice(REFERENCE, tuple(said)), lasting
    times = _times(right, tile)
    seconds = {engine: statistics.median(each) for engine, each in times.items()}
    engine = min(seconds, key=lambda each: seconds[each] * (_CLEARLY if each == REFERENCE else 1.0))
    figures = ", ".join(f"{each} {1e3 * taken:.0f}" for each, taken in seconds.items())
    busy = seconds[REFERENCE] > _BUSY * min(times[REFERENCE])
    again = "; the machine is busy, so the next large map measures again" if busy else ""
    said.append(f"engine {engine} is used for {card.name}: {figures} ms per tile{again}")
    return Choice(engine, tuple(said)), lasting and not busy


def _tested(predict: Predictor, tile: Pixels, expected: Mapping[str, Floats]) -> Predictor:
    """The predictor itself; _DiffersError if it fails the self-test."""
    found = predict(tile)
    for name, wanted in expected.items():
        task = next((task for task in predict.card.tasks if task.name == name), None)
        share = alike(wanted, found[name], classes=task is not None and task.has_classes)
        if not share >= LEAST_ALIKE:
            at_least = f"expected {100 * LEAST_ALIKE:.4g} % at least"
            raise _DiffersError(f"{100 * share:.2f} % of its {name} on a test tile is that of {REFERENCE}, {at_least}")
    return predict


def alike(expected: Floats, found: Floats, *, classes: bool) -> float:
    """The share of pixels of two predictions, N,K,H,W or N,K, with the same class, or nearly the same value."""
    if not np.isfinite(found).all():
        return 0.0
    if classes:
        return float((expected.argmax(1) == found.argmax(1)).mean())
    spread = float(np.ptp(expected)) or float(np.abs(expected).max())  # a single value has none
    return float((np.abs(expected - found) <= _TOLERANCE * spread).mean())


def _times(predictors: Mapping[Engine, Predictor], tile: Pixels) -> dict[Engine, list[float]]:
    """Seconds of each engine's tiles, as maps are made; in turns, so that a busy moment slows all of them down."""
    asked = {engine: coarse_of(predict) or predict for engine, predict in predictors.items()}
    times: dict[Engine, list[float]] = {engine: [] for engine in asked}
    begun = time.perf_counter()
    while time.perf_counter() - begun < _SECONDS or len(times[REFERENCE]) < _ROUNDS:
        for engine, predict in asked.items():
            started = time.perf_counter()
            predict(tile)
            times[engine].append(time.perf_counter() - started)
    return times


def _place(of: list[object]) -> Path | None:
    """The file of a measurement, which depends on versions and machine, too; None for a user without a home."""
    cache = user_cache()
    if cache is None:
        return None
    stamp = json.dumps([__version__, *of, *_versions(), _processor(), usable_cores()])
    return cache / "engines" / f"{hashlib.sha256(stamp.encode()).hexdigest()[:32]}.json"


def _versions() -> list[str]:
    found = []
    for package in ("onnxruntime", "openvino"):
        with suppress(PackageNotFoundError):  # of a packaged program
            found.append(f"{package} {version(package)}")
    return found


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        names = {line for line in lines if line.startswith(("model name", "CPU part"))}
        return f"{platform.machine()} {sorted(names)}"
    return f"{platform.machine()} {platform.processor()}"


def _read(path: Path | None) -> object:
    """The engine that an earlier measurement has found; None without one, or where its file is damaged."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return None if path is None else json.loads(path.read_bytes())["engine"]
    return None


def _keep(path: Path | None, content: Mapping[str, Any]) -> None:
    if path is not None:
        with suppress(OutputError):
            deliver(path, json.dumps(content, indent=1).encode())
