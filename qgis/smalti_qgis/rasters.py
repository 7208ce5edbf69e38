"""The rasters that a model writes, with their paths, before they exist."""

from collections import namedtuple
from pathlib import Path

Raster = namedtuple("Raster", "path form task")
"""`form`: classes, confidence, uncertainty, probabilities or values; `task`: that of the card, a dict."""
_MORE = ("confidence", "uncertainty", "probabilities")


def rasters(card, out, options):
    """The rasters of a map, the map itself first.

    Args:
        card: the model's card, as JSON tells it; None where it is unknown: then only the map.
        out: path of the map.
        options: which of confidence, uncertainty and probabilities are asked for.
    """
    out = Path(out)
    if card is None:
        return [Raster(out, "classes", {"name": "", "labels": (), "colors": ()})]
    found = []
    for k, task in enumerate(_in_order(card)):
        path = _named(out, task["name"]) if k else out
        found.append(Raster(path, "values" if task["kind"] == "value" else "classes", task))
        if task["kind"] == "classes":
            found += [Raster(_named(path, form), form, task) for form in _MORE if options.get(form)]
    return found


def _in_order(card):
    """The tasks per pixel; the first one of classes comes first."""
    tasks = [task for task in card["tasks"] if task["kind"] in ("classes", "value")]
    first = next((task for task in tasks if task["kind"] == "classes"), None)
    return sorted(tasks, key=lambda task: task is not first)


def _named(path, more):
    return path.with_name(f"{path.stem}_{more}{path.suffix}")
