"""Whether a scene's pixels look like red, green and blue, in this order; decided by many windows together.

Each window's statistics give the probabilities of the kinds in `KINDS` by a network of one small hidden layer, whose
weights lie in `band_order.json`; `benchmarks/wrong_bands.py` fits and measures it.
"""

import json
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from smalti.ahead import run_ahead
from smalti.card import Card
from smalti.errors import BandOrderWarning, Warn
from smalti.mapping.fit import Open
from smalti.mapping.glance import windows_over
from smalti.raster.band_statistics import CORRELATIONS, band_statistics
from smalti.raster.reader import Reader
from smalti.raster.scaled import as_seen

RGB = ("red", "green", "blue")
KINDS = (RGB, ("blue", "green", "red"), ("near infrared",))
"""What the three bands may look like; of the last kind the first band alone is said."""
_THREADS = 2
_LEAST = 3
"""Usable windows that a decision needs."""
_MOST = 3.0
"""The largest evidence of one window: the logarithm of how much more probable another kind is."""
_FARTHEST = 4.0
"""Deviations from the mean at which statistics are cut off."""
_ALIKE = 0.6
"""The correlation that two of the bands of any image of the ground have; those of noise have none."""
DECIDED, OVERWHELMING = 1.25, 1.75
"""Mean evidence of a scene from which on it looks like another kind: where the file is silent, and where it names its
bands red, green and blue."""


@dataclass(frozen=True)
class _Table:
    """A network of the statistics."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    hidden_weights: NDArray[np.float64]
    """Statistics, units."""
    hidden_bias: NDArray[np.float64]
    weights: NDArray[np.float64]
    """Units, kinds."""
    bias: NDArray[np.float64]


@cache
def _table() -> _Table:
    text = (files("smalti.mapping") / "band_order.json").read_text(encoding="utf-8")
    return _Table(**{name: np.array(numbers) for name, numbers in json.loads(text).items()})


def evidence(statistics: NDArray[np.floating]) -> NDArray[np.float64]:
    """For windows (N, statistics) how much more probable each other kind is than red, green, blue (M, kinds - 1).

    Windows that are no images of the ground are left out.
    """
    table = _table()
    known = statistics[statistics[:, CORRELATIONS].max(axis=1) > _ALIKE]
    inputs = np.clip((known - table.mean) / table.deviation, -_FARTHEST, _FARTHEST)
    scores = np.tanh(inputs @ table.hidden_weights + table.hidden_bias) @ table.weights + table.bias
    return np.asarray(np.clip(scores[:, 1:] - scores[:, :1], -_MOST, _MOST))


def looks_like(reader: Reader, limit: float = DECIDED) -> tuple[str, ...] | None:
    """What the three bands of a scene of bytes look like, one of `KINDS`; None for red, green, blue, and if unsure.

    `limit` is the mean evidence from which on it is another kind.
    """
    mean = mean_evidence(reader)
    return KINDS[1 + int(mean.argmax())] if mean is not None and mean.max() > limit else None


def mean_evidence(reader: Reader) -> NDArray[np.float64] | None:
    """The mean evidence (kinds - 1) of windows spread over a scene; None if too few of them can be used."""
    jobs = (partial(band_statistics, *reader.read(window)) for window in windows_over(reader.grid))
    found = [numbers for numbers in run_ahead(jobs, _THREADS) if numbers is not None]
    each_one = evidence(np.array(found)) if found else np.empty((0, len(KINDS) - 1))
    return each_one.mean(axis=0) if len(each_one) >= _LEAST else None


def warn_of_order(scene: str, reader: Reader, card: Card, opened: Open, warn: Warn) -> None:
    """Warns of a scene, as it was opened for a model of red, green and blue bytes, whose pixels look like other bands.

    `opened` opens the scene again, to number its bands.
    """
    seen = as_seen(reader)
    if card.bands != RGB or len(seen.bands) != len(RGB) or seen.dtype != np.uint8:
        return
    named = seen.names_known and seen.bands == RGB
    look = looks_like(seen, OVERWHELMING if named else DECIDED)
    if look is None:
        return
    though = ", although the file names them so" if named else ""
    if look != RGB[::-1]:
        text = f"its first band looks like {look[0]} rather than red{though}; choose those that are red, green, blue"
        warn(BandOrderWarning(f"{scene}: {text} with --bands"))
        return
    with opened(None, resolution=None) as whole:
        numbers = ",".join(str(whole.bands.index(name) + 1) for name in reversed(seen.bands))
    text = f"its bands look like {', '.join(look)} rather than {', '.join(RGB)}{though}; choose with --bands {numbers}"
    warn(BandOrderWarning(f"{scene}: {text}"))
