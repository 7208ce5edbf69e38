"""Statistics of a window of three bands that tell red, green and blue from other bands, or from another order.

Plants are dark in blue and red and bright in near infrared; soil and roofs are brighter in red than in blue; shadows,
lit by the sky, are bluer than what is around them; haze lifts blue and takes its contrast. No statistic knows the
sensor or the pixel size.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats, Mask

_DARKEST, _BRIGHTEST = 12, 250
"""The brightest band of a pixel is between these, or nothing is learned from it."""
_LEAST = 0.3
"""The share of a window that must be usable."""
_TENTH = 10
_LIFT = 4
"""What is added to values before ratios are taken: dark pixels are mostly noise."""
_CHROMA, _BRIGHT, _SPREAD = 32, 100, 64
"""Usual values, so that all statistics are about 1."""

STATISTICS = (
    *(
        f"{what} of {band} / second"
        for band in ("first", "third")
        for what in ("mean", "deviation", "5 %", "median", "95 %", "dark", "middle", "bright", "rise with brightness")
    ),
    "contrast first / second", "contrast third / second",
    "correlation 1 2", "correlation 2 3", "correlation 1 3",
    "fine correlation 1 2", "fine correlation 2 3", "fine correlation 1 3",
    "fine contrast first / second", "fine contrast third / second",
    "fine share first", "fine share second", "fine share third",
    "first brightest", "second brightest", "third brightest",
    "first darkest", "second darkest", "third darkest",
    "chroma", "spread of chroma", "brightness", "spread of brightness",
    "strong colours first", "strong colours second", "strong colours third",
    "correlation of ratios",
)  # fmt: skip
"""What each number is."""
CORRELATIONS = slice(STATISTICS.index("correlation 1 2"), STATISTICS.index("fine correlation 1 2"))
"""The places of the three correlations of bands."""


def band_statistics(pixels: NDArray[np.uint8], valid: Mask) -> Floats | None:
    """The statistics of a window (3, H, W); None where too little of it is valid, neither black nor saturated, or no
    two such pixels lie side by side."""
    brightest = pixels.max(axis=0)
    usable = valid & (brightest < _BRIGHTEST) & (brightest > _DARKEST)
    beside = usable[:, 1:] & usable[:, :-1]
    if usable.mean() < _LEAST or not beside.any():
        return None
    whole = pixels.astype(np.float32)
    values = whole[:, usable]  # 3,N
    steps = (whole[:, :, 1:] - whole[:, :, :-1])[:, beside]
    light = values.mean(axis=0)
    ratios = np.log((values[[0, 2]] + _LIFT) / (values[1] + _LIFT))  # 2,N
    (spread, alike), (fine, fine_alike) = _moments(values), _moments(steps)
    spread, fine = spread + 1, fine + 0.5
    numbers = [
        *_of_ratios(ratios, light),
        *np.log(spread[[0, 2]] / spread[1]),
        *alike,
        *fine_alike,
        *np.log(fine[[0, 2]] / fine[1]),
        *np.log(fine / spread),
        *_shares(values.argmax(axis=0)),
        *_shares(values.argmin(axis=0)),
        *_of_colours(values, light, (brightest - pixels.min(axis=0))[usable].astype(np.float32)),
        _correlation(*ratios),
    ]
    return np.array(numbers, np.float32)


def _of_ratios(ratios: Floats, light: Floats) -> Iterator[float]:
    """Of each ratio to the second band: its distribution, and its means where it is dark, in between, and bright."""
    order, count = np.argsort(light), len(light)
    tenth = max(1, count // _TENTH)
    middle = order[count // 2 - tenth // 2 - 1 : count // 2 + tenth // 2]
    for ratio in ratios:
        yield from (ratio.mean(), ratio.std(), *np.percentile(ratio, [5, 50, 95]))
        yield from (ratio[place].mean() for place in (order[:tenth], middle, order[-tenth:]))
        yield _correlation(light, ratio)


def _of_colours(values: Floats, light: Floats, chroma: Floats) -> Iterator[float]:
    """How colourful and how bright the window is, and the colour of its most colourful tenth."""
    yield from (chroma.mean() / _CHROMA, chroma.std() / _CHROMA)
    yield from (float(np.log(light.mean() / _BRIGHT)), light.std() / _SPREAD)
    strong = values[:, np.argsort(chroma)[-max(1, len(light) // _TENTH) :]]
    yield from (strong.mean(axis=1) - strong.mean()) / _SPREAD


def _shares(band: NDArray[np.intp]) -> Iterator[float]:
    return (float((band == k).mean()) for k in range(3))


def _moments(values: Floats) -> tuple[Floats, tuple[float, ...]]:
    """The standard deviations of three bands, and the correlations of bands 1 and 2, 2 and 3, 1 and 3.

    These are near 0 for a band that hardly varies.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    products = centred @ centred.T / centred.shape[1]
    deviations = np.sqrt(products.diagonal())
    least = deviations + 0.5
    pairs = ((0, 1), (1, 2), (0, 2))
    return deviations, tuple(float(products[a, b] / (least[a] * least[b])) for a, b in pairs)


def _correlation(one: Floats, other: Floats) -> float:
    flat = min(one.std(), other.std()) < 1e-4
    return 0.0 if flat else float(np.corrcoef(one, other)[0, 1])
