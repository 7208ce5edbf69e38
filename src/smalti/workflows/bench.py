"""Measures the speed and the memory of models on this machine."""

import platform
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from smalti import __version__
from smalti.card import Card
from smalti.errors import MissingExtraError, ModelError, OptionError
from smalti.runtime.batch import usable_cores
from smalti.runtime.integers import in_integers
from smalti.runtime.measure import Case, Measured, measure_alone
from smalti.runtime.models import find_model, list_models, verify
from smalti.runtime.open import Engine, find_engine, installed_engines
from smalti.text import aligned, number
from smalti.workflows.models import is_ranker
from smalti.workflows.progress import Meter, Show

ROUNDS = 3
"""Each case is measured so often, in turns: the clock of a machine changes within a minute."""
HEADS = (
    "model", "engine", "threads", "tile", "numbers", "ms", "fastest", "MPix/s", "start s", "peak MB", "J", "differs"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timing:
    """The speed of a model with one engine."""

    model: str
    engine: Engine
    threads: int
    tile: int
    """Height and width of a tile in pixels."""
    numbers: Literal["integers", "floats"]
    """What most of its layers compute in."""
    milliseconds: float
    """Per tile, the median."""
    fastest: float
    """Milliseconds of the fastest tile: of all figures the one that other work on the machine changes least."""
    start: float
    """Seconds from the import of the engine to the first predicted tile."""
    peak: float
    """The largest memory of the process in megabytes."""
    joules: float | None
    """Energy of the whole processor per tile; None where the machine does not report it."""
    differs: float
    """Largest difference of its prediction from that of the model's first engine."""

    @property
    def rate(self) -> float:
        """Megapixels of tiles per second."""
        return self.tile**2 / self.milliseconds / 1e3

    def cells(self) -> list[str]:
        """The texts of its row, see `HEADS`."""
        joules = "-" if self.joules is None else number(self.joules)
        sizes = [str(self.threads), str(self.tile), self.numbers, f"{self.milliseconds:.1f}", f"{self.fastest:.1f}"]
        more = [f"{self.rate:.2f}", f"{self.start:.2f}", f"{self.peak:.0f}", joules, f"{self.differs:.0e}"]
        return [self.model, self.engine, *sizes, *more]


@dataclass(frozen=True)
class Bench:
    """Timings of this machine; its text is a table."""

    machine: str
    date: str
    timings: tuple[Timing, ...]
    cards: dict[str, Card] = field(repr=False, hash=False)
    """By model."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [asdict(each) | {"megapixels_per_second": each.rate} for each in self.timings]
        return {"smalti": __version__, "machine": self.machine, "date": self.date, "timings": rows}

    def __str__(self) -> str:
        return "\n".join([f"{self.machine}, {self.date}", *aligned([HEADS, *(each.cells() for each in self.timings)])])


def bench(
    models: Sequence[str] = (),
    *,
    engines: Sequence[Engine] = (),
    threads: Sequence[int] = (),
    tiles: Sequence[int] = (),
    seconds: float = 3.0,
    progress: Show | None = None,
) -> Bench:
    """Measures models on this machine, each with all engines, numbers of threads and tile sizes.

    Args:
        models: Names or files; none: all bundled and local models of pixels or images.
        engines: By name; none: all built-in ones that are installed.
        threads: Numbers of threads; none: as many as cores that this process may use.
        tiles: Heights and widths in pixels; none: that of each model's card.
        seconds: Of measurement per row.
        progress: Called with a `Progress` after each measurement.

    Raises:
        ModelError: There is no such model, it ranks photos, or an engine refuses it.
        OptionError: An engine does not exist.
        MissingExtraError: An engine is not installed.
    """
    for engine in engines:
        _check_engine(engine)
    cards = {name: verify(find_model(name)).card for name in models} if models else _installed()
    cases = [*_cases(cards, engines or installed_engines(), threads or (usable_cores(),), tiles)]
    meter = Meter(progress, "bench", ROUNDS * len(cases))
    found: list[list[Measured]] = [[] for _ in cases]
    for _ in range(ROUNDS):
        for case, measurements in zip(cases, found, strict=True):
            measurements.append(measure_alone(case, seconds / ROUNDS))
            meter(1)
    timings = tuple(_timings(cases, found))
    return Bench(_machine(), f"{datetime.now(UTC):%Y-%m-%d}", timings, cards)


def _check_engine(engine: Engine) -> None:
    """OptionError for an unknown engine, MissingExtraError for one that is not installed."""
    find_engine(engine)
    if engine == "openvino" and engine not in installed_engines():
        raise MissingExtraError("OpenVINO", "openvino")


def _installed() -> dict[str, Card]:
    """The cards of all models that can be measured, by name or path."""
    entries = {entry.name: entry for entry in reversed(list_models())}  # bundled models win
    cards = {name: entry.card for name, entry in reversed(entries.items()) if entry.card is not None}
    return {name: card for name, card in cards.items() if not is_ranker(card)}


def _cases(
    cards: dict[str, Card], engines: Sequence[Engine], threads: Sequence[int], tiles: Sequence[int]
) -> Iterator[Case]:
    for model, card in cards.items():
        if is_ranker(card):
            raise ModelError(f"{model}: ranks photos, in photos per second; time smalti photos instead", value=model)
        for tile in tiles or (card.tile,):
            if tile < 1 or tile % card.stride:
                text = f"tile is {tile}; {model} takes multiples of {card.stride} pixels"
                raise OptionError(text, value=tile)
            yield from (Case(model, engine, count, tile) for count in threads for engine in engines)


def _timings(cases: Sequence[Case], found: Sequence[Sequence[Measured]]) -> Iterator[Timing]:
    first: dict[tuple[str, int], Measured] = {}
    for case, measurements in zip(cases, found, strict=True):
        times = [seconds for each in measurements for seconds in each.times]
        joules = [each.joules for each in measurements if each.joules is not None]
        reference = first.setdefault((case.model, case.tile), measurements[0])
        yield Timing(
            case.model,
            case.engine,
            case.threads,
            case.tile,
            "integers" if in_integers(verify(find_model(case.model))) else "floats",
            1e3 * statistics.median(times),
            1e3 * min(times),
            min(each.opened for each in measurements),
            max(each.peak for each in measurements) / 1e6,
            statistics.mean(joules) if joules else None,
            float(np.abs(measurements[0].sample - reference.sample).max()),
        )


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {usable_cores()} cores, Python {platform.python_version()}"
