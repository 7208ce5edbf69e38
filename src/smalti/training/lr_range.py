"""The learning-rate range test (Smith, 2017, "Cyclical Learning Rates for Training Neural Networks").

The rate rises by a constant factor from step to step. The suggestion is where the loss falls fastest, over the
logarithm of the rate; the paper reads a range of rates off the curve by eye.
"""

import itertools
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.errors import DivergedError
from smalti.training.loop import Training
from smalti.training.schedule import set_rates

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 100
CSV, PAGE, RATE = "lr_range.csv", "lr_range.html", "rate"
"""The files of a test in the folder of a training, and the first column of its table."""
RUNAWAY = 4.0
"""The test ends when the loss is this many times its lowest."""
NEIGHBOURS = 5
"""Steps on each side over which the loss is smoothed: half a decade in total."""


@dataclass(frozen=True)
class RateRange:
    """Rates, the loss at each, and the smoothed loss; `suggestion` is None if the loss never falls."""

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smooth: NDArray[np.float64]
    suggestion: float | None

    def lines(self) -> list[str]:
        """The suggestion, and how it was chosen."""
        if not len(self.rates):
            return ["the loss is not finite even at the lowest rate; check the data and the net"]
        tried = f"{len(self.rates)} steps, rates from {self.rates[0]:.1e} to {self.rates[-1]:.1e}"
        if self.suggestion is None:
            return [f"{tried}: the loss never falls; check the data and the labels"]
        return [
            f"{tried}; lowest smoothed loss at {self.rates[self.smooth.argmin()]:.1e}",
            f"suggested: optim.lr={self.suggestion:.1e}, where the smoothed loss falls fastest",
        ]


def find_rate(training: Training, say: Callable[[str], None]) -> RateRange:
    """Trains with rising rates. This ruins the training: it must not continue, and nothing is saved."""
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses: list[float] = []
    with closing(training.work.batches(0)) as batches:
        for rate in rates:
            set_rates(training.optimizer, rate / training.recipe.optim.lr)
            training.progress.losses = {}
            try:
                training.update(batches)
            except DivergedError:
                break
            losses.append(training.progress.losses["loss"])
            say(f"\rrate {rate:.1e}  loss {losses[-1]:.3f}  ")
            if losses[-1] > RUNAWAY * min(losses):
                break
    say("\n")
    return analyse(rates[: len(losses)], np.array(losses))


def analyse(rates: NDArray[np.float64], losses: NDArray[np.float64]) -> RateRange:
    """Smooths a curve, and finds where it falls fastest on the way to its lowest point."""
    smooth = np.array([losses[max(i - NEIGHBOURS, 0) : i + NEIGHBOURS + 1].mean() for i in range(len(losses))])
    end = int(smooth.argmin()) + 1 if len(smooth) else 0
    if end < 2:
        return RateRange(rates, losses, smooth, None)
    slopes = np.gradient(smooth[:end], np.log10(rates[:end]))
    return RateRange(rates, losses, smooth, float(rates[slopes.argmin()]) if slopes.min() < 0 else None)


def table(found: RateRange) -> str:
    """The curve as CSV."""
    rows = zip(found.rates, found.losses, found.smooth, strict=True)
    return (
        "\n".join(itertools.chain([f"{RATE},loss,smoothed"], (f"{r:.6g},{x:.6g},{s:.6g}" for r, x, s in rows))) + "\n"
    )
