"""The speed and the memory of a model on this machine, measured in a process of its own."""

import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from smalti.arrays import Floats, Pixels
from smalti.card import Card
from smalti.errors import ModelError
from smalti.runtime.energy import Energy
from smalti.runtime.open import Engine, open_model
from smalti.scene import coarse_of

_FEWEST = 3
"""Tiles that are measured at least."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured."""

    model: str
    """A name, or the path of a file."""
    engine: Engine
    threads: int
    tile: int
    """Height and width of a tile in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The measurements of one process."""

    opened: float
    """Seconds from the import of the engine to the first predicted tile."""
    times: tuple[float, ...]
    """Seconds of each further tile."""
    peak: int
    """The largest memory of the process in bytes until the last of these tiles."""
    joules: float | None
    """Energy of the whole processor per tile; None where the machine does not report it."""
    sample: Floats
    """Every 16th row and column of the prediction of the first task, K,h,w; of a whole image K."""

    @property
    def median(self) -> float:
        """Seconds per tile."""
        return statistics.median(self.times)


def measure_alone(case: Case, seconds: float) -> Measured:
    """`measure` in a process of its own, so that start and memory are those of this case; raises the same errors."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(measure, case, seconds).result()
        except BrokenProcessPool:
            text = f"{case.model}: its process was killed with {case.engine} at tiles of {case.tile} pixels"
            raise ModelError(f"{text}, most likely for lack of memory; give smaller tiles") from None


def measure(case: Case, seconds: float) -> Measured:
    """Opens a model and predicts the same tile for that long, as maps are made: without the last upsampling where they
    are blended before it.

    ModelError, or an error of `open_model`.
    """
    start = time.perf_counter()
    predict = open_model(case.model, case.engine, case.threads)
    tile = noisy_patches(predict.card, case.tile)
    ask = coarse_of(predict) or predict
    ask(tile)
    opened = time.perf_counter() - start
    times: list[float] = []
    energy = Energy()
    while sum(times) < seconds or len(times) < _FEWEST:
        start = time.perf_counter()
        ask(tile)
        times.append(time.perf_counter() - start)
    joules, peak = energy.joules(), peak_memory()
    whole = next(iter(predict(tile).values()))[0]  # afterwards: of one size with every engine, but it takes memory
    return Measured(opened, tuple(times), peak, None if joules is None else joules / len(times), _sample(whole))


def _sample(prediction: Floats) -> Floats:
    return prediction[:, ::16, ::16].copy() if prediction.ndim == 3 else prediction


def peak_memory() -> int:
    """The largest memory of this process so far, in bytes."""
    if sys.platform == "win32":
        import psutil  # here: it needs modules that other systems may lack

        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "linux":  # getrusage counts what the process was before, a copy of its parent
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def noisy_patches(card: Card, side: int) -> Pixels:
    """Raw pixels 1,C,side,side of patches with some noise: as fast as an image, while zeros may be faster."""
    random, bands = np.random.default_rng(0), len(card.bands)
    coarse = random.random((1, bands, -(-side // 16), -(-side // 16)))
    patches = coarse.repeat(16, axis=2).repeat(16, axis=3)[:, :, :side, :side]
    top = 1.0 if card.dtype == "float32" else float(np.iinfo(card.dtype).max)
    noisy = 0.9 * patches + 0.1 * random.random((1, bands, side, side))
    pixels: Pixels = (noisy * top).astype(card.dtype)
    return pixels
