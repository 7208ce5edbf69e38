"""The layers of a job: rasters that are finished, or grow while the job runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.app.problems import ProblemError
from smalti.app.viewing.view import Views
from smalti.card import Card, Task
from smalti.mapping.rasters import Wanted, products
from smalti.mapping.spool import StripLayer, Strips
from smalti.products import Form, Product
from smalti.raster.grid import Grid
from smalti.tiling import Window

MAP = "map.tif"


@dataclass(frozen=True, slots=True)
class Layer:
    """One raster of a job."""

    name: str
    file: str
    product: Product

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        form, task = self.product.form, self.product.task.model_dump(mode="json")
        return {"name": self.name, "file": self.file, "form": form, "task": task}


def layers_of(card: Card, wanted: Wanted) -> list[Layer]:
    """The layers of a map, in the order in which strips hold them."""
    found = products(Path(MAP), card, wanted)
    first = next(iter(found.values())).task
    return [Layer(_name(product, product.task == first), path.name, product) for path, product in found.items()]


def _name(product: Product, first: bool) -> str:
    if product.form == "values":
        return product.task.name
    if first:
        return product.form
    return product.task.name if product.form == "classes" else f"{product.task.name}_{product.form}"


def read_layers(spec: dict[str, Any]) -> list[Layer]:
    """The layers that a stored job has."""
    return [_layer(**layer) for layer in spec.get("layers", [])]


def _layer(name: str, file: str, form: Form, task: dict[str, Any]) -> Layer:
    return Layer(name, file, Product(Task(**task), form))


def find_layer(layers: list[Layer], name: str) -> Layer:
    """A layer by name; ProblemError if there is none."""
    for layer in layers:
        if layer.name == name:
            return layer
    known = ", ".join(layer.name for layer in layers) or "none"
    raise ProblemError(404, f"the job has no layer of that name; it has {known}")


@dataclass(frozen=True, slots=True)
class Growing:
    """The rasters of one job in its folder."""

    folder: Path
    layers: list[Layer]
    grid: Grid
    """Of the map, which may be a part of the scene."""
    overviews: Path | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The values at the ends of the colour ramps of its finished layers."""

    def rows_done(self) -> int:
        """Finished rows from the top."""
        if (self.folder / MAP).exists():
            return self.grid.height
        return self._strips().rows_done

    def look(self, layer: Layer, window: Window, shape: tuple[int, int], views: Views) -> NDArray[Any]:
        """The nearest pixels (H, W) of a window inside the map; no data where it is not finished."""
        path = self.folder / layer.file
        if path.exists():
            return self._finished(path, layer, window, shape, views)
        found = self._strips().look(self.layers.index(layer), window, shape, layer.product.nodata)
        if found is None and path.exists():  # finished since
            return self._finished(path, layer, window, shape, views)
        return np.full(shape, layer.product.nodata, layer.product.dtype) if found is None else found

    def _finished(self, path: Path, layer: Layer, window: Window, shape: tuple[int, int], views: Views) -> NDArray[Any]:
        over = self.overviews.with_name(f"{self.overviews.stem}.{layer.name}.vrt") if self.overviews else path
        with views.open(over if over.exists() else path) as view:
            pixels: NDArray[Any] = view.values(window, shape)
            return pixels

    def _strips(self) -> Strips:
        return strips_of(self.folder, self.layers, self.grid.width)


def strips_of(folder: Path, layers: list[Layer], width: int) -> Strips:
    """The finished strips of a map in a job's folder."""
    kinds = [StripLayer(len(layer.product.bands), layer.product.dtype) for layer in layers]
    return Strips(folder / f"{MAP}.partial", kinds, width)
