"""Plots of class maps and maps of values with matplotlib, which the base install does not include."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.errors import MissingExtraError
from smalti.raster.grid import Grid
from smalti.raster.palette import colorize, legend


def plot_classes(classes: NDArray[np.uint8], task: Task, grid: Grid, ax: Any = None) -> Any:
    """Plots a class map (H, W) with a legend of the classes that occur in it; returns the axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    axes = _axes(ax)
    from matplotlib.patches import Patch

    axes.imshow(colorize(classes, task), extent=_extent(grid), interpolation="nearest")
    handles = [Patch(facecolor=color, label=label) for label, color in legend(classes, task)]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.set_title(task.name)
    return axes


def plot_values(values: NDArray[np.float32], task: Task, grid: Grid, ax: Any = None) -> Any:
    """Plots values (H, W) with a colour bar; returns the axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    axes = _axes(ax)
    shown = axes.imshow(values, extent=_extent(grid), interpolation="nearest", cmap="viridis")
    axes.figure.colorbar(shown, ax=axes, label=task.unit)
    axes.set_title(task.name)
    return axes


def _axes(ax: Any) -> Any:
    """The axes to draw into; MissingExtraError without matplotlib."""
    try:
        import matplotlib.pyplot
    except ImportError:
        raise MissingExtraError("matplotlib", "plot") from None
    return matplotlib.pyplot.subplots()[1] if ax is None else ax


def _extent(grid: Grid) -> tuple[float, float, float, float] | None:
    """Left, right, bottom and top where columns go east and rows south; None for pixels."""
    t = grid.transform
    if not grid.georeferenced or t.b or t.d or t.a <= 0 or t.e >= 0:
        return None
    return t.c, t.c + t.a * grid.width, t.f + t.e * grid.height, t.f
