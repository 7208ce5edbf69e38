"""The colour ramps of layers of numbers: fixed while a job runs, and of the finished map's values afterwards."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smalti.app.jobs.layers import Layer, read_layers
from smalti.app.schemas import Ramp
from smalti.app.viewing.view import OpenView
from smalti.raster.palette import CONFIDENT, RAMP, to_hex
from smalti.report.relief import Color
from smalti.tiling import Window

USUAL_RANGE = 0.0, 30.0
"""Values at the ends of a ramp while the map is not finished."""
_SAMPLE = 256


def colors_of(layer: Layer) -> tuple[Color, ...]:
    """The colours of a layer of numbers."""
    return {"confidence": CONFIDENT, "uncertainty": CONFIDENT[::-1]}.get(layer.product.form, RAMP)


def range_of(layer: Layer, measured: Mapping[str, Any]) -> tuple[float, float]:
    """The values at the ends of a layer's ramp."""
    if layer.product.form != "values":
        return 0.0, 1.0
    low, high = measured.get(layer.name, USUAL_RANGE)
    return low, high


def ramps_of(spec: dict[str, Any], measured: Mapping[str, Any]) -> dict[str, Ramp]:
    """The ramps of a stored job; `measured` are the ranges of a finished one."""
    found = {}
    for layer in read_layers(spec):
        if layer.product.form in ("confidence", "uncertainty", "values"):
            low, high = range_of(layer, measured)
            unit = layer.product.task.unit if layer.product.form == "values" else ""
            found[layer.name] = Ramp(low=low, high=high, unit=unit, colors=[to_hex(c) for c in colors_of(layer)])
    return found


def measured_ranges(folder: Path, spec: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """The values at the ends of the ramps of a finished map's layers of values."""
    layers = [layer for layer in read_layers(spec) if layer.product.form == "values"]
    return {layer.name: _measured(folder / layer.file) for layer in layers}


def _measured(path: Path) -> tuple[float, float]:
    view = OpenView(path, path)
    try:
        shape = min(_SAMPLE, view.height), min(_SAMPLE, view.width)
        values = view.values(Window(0, 0, view.height, view.width), shape)
    finally:
        view.close()
    known = values[np.isfinite(values)]
    if not known.size:
        return USUAL_RANGE
    low, high = np.percentile(known, (1, 99)).tolist()
    return float(np.floor(low)), float(np.ceil(max(high, low + 1)))
