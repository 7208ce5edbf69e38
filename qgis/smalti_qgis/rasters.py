"""The rasters that a model writes, with their paths, before they exist."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_MORE = ("confidence", "uncertainty", "probabilities")


class Raster(NamedTuple):
    """One raster of a map."""

    path: Path
    form: str
    """classes, confidence, uncertainty, probabilities or values"""
    task: Mapping[str, Any]
    """That of the card."""


def rasters(card: Mapping[str, Any] | None, out: str, options: Mapping[str, Any]) -> list[Raster]:
    """The rasters of a map, the map itself first.

    Args:
        card: the model's card, as JSON tells it; None where it is unknown: then only the map.
        out: path of the map.
        options: which of confidence, uncertainty and probabilities are asked for.
    """
    first = Path(out)
    if card is None:
        return [Raster(first, "classes", {"name": "", "labels": (), "colors": ()})]
    found: list[Raster] = []
    for k, task in enumerate(_in_order(card)):
        path = _named(first, task["name"]) if k else first
        found.append(Raster(path, "values" if task["kind"] == "value" else "classes", task))
        if task["kind"] == "classes":
            found += [Raster(_named(path, form), form, task) for form in _MORE if options.get(form)]
    return found


def _in_order(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tasks per pixel; the first one of classes comes first."""
    tasks = [task for task in card["tasks"] if task["kind"] in ("classes", "value")]
    first = next((task for task in tasks if task["kind"] == "classes"), None)
    return sorted(tasks, key=lambda task: task is not first)


def _named(path: Path, more: str) -> Path:
    return path.with_name(f"{path.stem}_{more}{path.suffix}")
