"""Requests for jobs, checked before anything waits in the queue."""

from pathlib import Path
from typing import Any

from smalti.app.jobs.comparing import change_task, shared_window
from smalti.app.jobs.doing import map_options
from smalti.app.jobs.layers import MAP, Layer, layers_of, read_layers
from smalti.app.jobs.paint import HILLSHADE, surface
from smalti.app.jobs.table import Asked, Stored
from smalti.app.models import find_entry
from smalti.app.problems import ProblemError
from smalti.app.scenes.grids import scene_grid, window_of
from smalti.app.scenes.table import Known
from smalti.app.schemas import NewJob, Polygon
from smalti.mapping.fit import check_stretch
from smalti.products import Product
from smalti.raster.area import Area, area_of
from smalti.raster.grid import Grid
from smalti.tiling import Window


def plan_map(asked: NewJob, known: Known, own: Path) -> Asked:
    """The job of a map by a model of all, or of the folder `own`; OptionError, ProblemError for an unknown model."""
    entry = find_entry(asked.model, own)
    assert entry.card is not None
    grid = scene_grid(known.shown)
    area = _area(asked, grid)
    window = area.window if area else Window(0, 0, grid.height, grid.width)
    spec: dict[str, Any] = {
        "options": asked.options.model_dump(mode="json"),
        "area": None if asked.area is None else _plain(asked.area),
        "window": [window.col, window.row, window.width, window.height],
        "rings": [list(map(list, ring)) for ring in area.rings] if area else [],
    }
    options = map_options(spec, Path())
    check_stretch(entry.card, options.range)
    if options.polygons:
        entry.card.class_task()
    layers = layers_of(entry.card, options.wanted)
    spec |= {"layers": [layer.to_dict() for layer in layers], "drawn": [HILLSHADE] * (surface(layers) is not None)}
    return Asked("map", spec, window.height, window.height * window.width, known.id, asked.model)


def _plain(area: list[int] | Polygon) -> Any:
    return area if isinstance(area, list) else area.model_dump(mode="json")


def _area(asked: NewJob, grid: Grid) -> Area | None:
    if asked.area is None:
        return None
    if isinstance(asked.area, Polygon):
        rings = tuple(tuple((float(point[0]), float(point[1])) for point in ring) for ring in asked.area.coordinates)
        return area_of(rings, grid)
    area = Area(window_of(asked.area))
    area.check(grid)
    return area


def map_grid(job: Stored, known: Known) -> Grid:
    """The grid of a job's map: its scene's, or a part of it."""
    return scene_grid(known.shown).crop(window_of(job.spec["window"]))


def plan_comparison(before: Stored, after: Stored, scenes: tuple[Known, Known]) -> Asked:
    """The job that compares two finished maps of classes; ProblemError where they cannot be compared."""
    tasks = []
    for job in (before, after):
        layers = read_layers(job.spec)
        if job.kind != "map" or job.state != "done" or layers[0].product.form != "classes":
            raise ProblemError(409, f"job {job.id} is no finished map of classes; compare two of these")
        tasks.append(layers[0].product.task)
    grids = map_grid(before, scenes[0]), map_grid(after, scenes[1])
    shared = shared_window(*grids)
    task = change_task(*tasks)
    col, row, _, _ = before.spec["window"]
    spec = {
        "before": before.id, "after": after.id,
        "window": [col + shared.col, row + shared.row, shared.width, shared.height],
        "before_labels": list(tasks[0].labels), "after_labels": list(tasks[1].labels),
        "after_classes": len(tasks[1].labels),
        "layers": [Layer("change", MAP, Product(task, "classes")).to_dict()],
    }  # fmt: skip
    return Asked("compare", spec, shared.height, shared.height * shared.width, before.scene)
