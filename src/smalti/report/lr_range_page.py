"""The page of a learning-rate range test: the loss over the rate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.files import deliver
from smalti.report.charts import chart
from smalti.report.page import render

COLORS = ((217, 199, 160), (63, 143, 196), (200, 85, 61))


def write_lr_range_page(
    out: Path,
    name: str,
    rates: NDArray[np.float64],
    losses: NDArray[np.float64],
    smooth: NDArray[np.float64],
    lines: Sequence[str],
) -> None:
    """Writes the page of a learning-rate range test.

    Args:
        out: path of the HTML file.
        name: of the model.
        rates: (N,) learning rates.
        losses: (N,) the loss at each rate.
        smooth: (N,) the smoothed loss.
        lines: the result in words; the last one is the subtitle.

    Raises:
        OutputError: the page cannot be written.
    """
    powers = np.log10(rates)
    curves = {"loss": list(zip(powers, losses, strict=True)), "smoothed": list(zip(powers, smooth, strict=True))}
    drawn = chart("Loss over the learning rate, as a power of ten", curves)
    page = render("lr_range.html", title=f"Learning rates for {name}", subtitle=lines[-1], colors=COLORS,
                  chart=drawn, lines=lines)  # fmt: skip
    deliver(out, page.encode())
