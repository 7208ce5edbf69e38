"""The prediction for every pixel of an image: a result that can be displayed and written as a map."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smalti.arguments import checked
from smalti.arrays import Mask
from smalti.card import Card, Task
from smalti.errors import ModelError
from smalti.mapping.rasters import Wanted
from smalti.mapping.run import write_maps
from smalti.products import Product, uncertainty
from smalti.raster.grid import Grid
from smalti.scene import Summary
from smalti.workflows.paths import tif_path

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions (H, W) of one image; the arrays are read-only."""

    card: Card
    """The card of the model."""
    grid: Grid
    """Size, and georeference if there is one."""
    valid: Mask
    """The mask of valid pixels, bool (H, W)."""
    outputs: Mapping[str, NDArray[np.float32]]
    """By task, float32 (K, H, W): a probability per class, or one value; undefined where not valid."""
    summary: Summary
    """Duration and speed."""
    unlike: float | None = None
    """The share of the image, from 0 to 1, that is unlike what the model was trained on; None where the model does not
    measure it."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The predicted tasks, beginning with the first one of classes."""
        return tuple(task for task in self.card.map_tasks() if task.name in self.outputs)

    @checked()
    def of(self, task: str) -> "Prediction":
        """The prediction of only one task; ModelError if there is none of that name."""
        self._task(task)
        return replace(self, outputs={task: self.outputs[task]})

    @property
    def classes(self) -> NDArray[np.uint8]:
        """The most probable class of each pixel, uint8 (H, W), of the first task of classes; 255 where not valid."""
        return self._encoded(self._first(has_classes=True), "classes")

    @property
    def values(self) -> NDArray[np.float32]:
        """The values of the first task of values, float32 (H, W) in its unit; NaN where not valid."""
        return self._encoded(self._first(has_classes=False), "values")

    @checked()
    def uncertainty(self, task: str | None = None) -> NDArray[np.float32]:
        """The probability that the predicted class is wrong, float32 (H, W), of a task, default the first of classes.

        It is calibrated by the temperature in the model's card, where there is one.
        """
        probabilities = self.probabilities(task)
        found = self._first(has_classes=True) if task is None else self._task(task)
        return uncertainty(probabilities, found.temperature)

    @checked()
    def probabilities(self, task: str | None = None) -> NDArray[np.float32]:
        """The probability of each class, float32 (K, H, W), of a task, default the first one of classes."""
        found = self._first(has_classes=True) if task is None else self._task(task)
        if not found.has_classes:
            raise ModelError(f"task {found.name} of model {self.card.name} has no classes but values", value=task)
        return self.outputs[found.name]

    @checked()
    def shares(self, task: str | None = None) -> dict[str, float]:
        """The share of each class among the valid pixels."""
        found = self._first(has_classes=True) if task is None else self._task(task)
        counts = np.bincount(self._encoded(found, "classes")[self.valid], minlength=256)
        return {label: float(counts[k]) / max(1, int(self.valid.sum())) for k, label in enumerate(found.labels)}

    @checked()
    def to_raster(
        self,
        path: str | Path,
        *,
        confidence: bool = False,
        uncertainty: bool = False,
        probabilities: bool = False,
        cog: bool = False,
    ) -> tuple[Path, ...]:
        """Writes the maps that `map` writes, with the same bytes; returns their paths, the map first.

        An existing file that is not a map of this program is not replaced. Raises OutputError if one cannot be written.
        """
        out, card = tif_path(path), self.card.model_copy(update={"tasks": self.tasks})
        wanted = Wanted(confidence, probabilities, cog, uncertainty)
        return write_maps(out, self.grid, card, wanted, self._of)

    @checked()
    def to_xarray(self, task: str | None = None) -> "xarray.DataArray":
        """Classes or values (y, x) of a task, by default the first, with coordinates and CRS as rioxarray reads them.

        Raises MissingExtraError without xarray.
        """
        from smalti.workflows.xarrays import to_xarray

        found = self.tasks[0] if task is None else self._task(task)
        return to_xarray(self._encoded(found, "classes" if found.has_classes else "values"), self.grid, found)

    @checked()
    def plot(self, task: str | None = None, *, ax: Any = None) -> Any:
        """Draws a task, default the first, into matplotlib axes, and returns them.

        Raises MissingExtraError without matplotlib.
        """
        from smalti.report.plots import plot_classes, plot_values

        found = self.tasks[0] if task is None else self._task(task)
        if found.has_classes:
            return plot_classes(self._encoded(found, "classes"), found, self.grid, ax)
        return plot_values(self._encoded(found, "values"), found, self.grid, ax)

    def __repr__(self) -> str:
        height, width = self.valid.shape
        shown = []
        for task in self.tasks:
            text = f"values in {task.unit}" if task.unit else "values"
            if task.has_classes:
                shares = sorted(self.shares(task.name).items(), key=lambda share: -share[1])
                text = ", ".join(f"{label} {share:.0%}" for label, share in shares if share)
            shown.append(f"{task.name}: {text}")
        place = f", {self.grid.crs.to_string()}" if self.grid.georeferenced and self.grid.crs else ""
        return f"Prediction({height} x {width} pixels{place}, {self.valid.mean():.0%} valid; {'; '.join(shown)})"

    def _repr_html_(self) -> str:
        """A picture of each task with its legend, for notebooks."""
        from smalti.report.inline import class_figure, value_figure

        parts = [
            class_figure(self._encoded(task, "classes"), task)
            if task.has_classes
            else value_figure(self._encoded(task, "values"), task)
            for task in self.tasks
        ]
        return "".join(parts)

    def _task(self, name: str) -> Task:
        """A predicted task; ModelError if there is none of that name."""
        for task in self.tasks:
            if task.name == name:
                return task
        names = ", ".join(task.name for task in self.tasks)
        raise ModelError(f"model {self.card.name} predicts no task {name!r}; expected one of {names}", value=name)

    def _first(self, *, has_classes: bool) -> Task:
        for task in self.tasks:
            if task.has_classes == has_classes:
                return task
        kind = "classes" if has_classes else "values"
        names = ", ".join(task.name for task in self.tasks)
        raise ModelError(f"model {self.card.name} predicts no {kind} here, only {names}", value=names)

    def _encoded(self, task: Task, form: Any) -> NDArray[Any]:
        """One band (H, W) as encoded in maps."""
        band: NDArray[Any] = self._of(Product(task, form))[0]
        return band

    def _of(self, product: Product) -> NDArray[Any]:
        """A product (bands, H, W) as encoded in maps."""
        out = np.empty((len(product.bands), *self.valid.shape), product.dtype)
        product.encode(self.outputs[product.task.name], self.valid, out)
        out.setflags(write=False)
        return out
