"""The page of a map: scene and map over one another, what covers the ground, the model, the place, the time."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from smalti.card import RGB, Card, Task
from smalti.jobs import deliver
from smalti.mapping.fit import Open
from smalti.raster.grid import Grid, axes_m
from smalti.raster.palette import colorize, task_colors
from smalti.raster.read import Reader, open_raster
from smalti.report.page import render
from smalti.report.pictures import SmallMap, data_uri, fit, shrunk_image, shrunk_map
from smalti.scene import Summary

LIMIT = 1400
"""Longer side of the pictures in pixels, at most."""


@dataclass(frozen=True)
class ClassShare:
    """A class and how much of the ground it covers."""

    label: str
    color: RGB
    pixels: int
    share: float
    hectares: float


def write_map_page(
    out_html: Path, scene_path: str, map_path: Path, card: Card, summary: Summary | None, opened: Open | None = None
) -> None:
    """Writes the page of a class map; `summary` is None if the map was there already.

    `opened` opens the scene where `scene_path` is only its name, as with a mosaic of files. Raises ModelError if the
    model has no task of kind classes, OutputError, and RasterError from the two files.
    """
    task = card.class_task()
    with (
        open_scene(opened or partial(open_raster, scene_path), card) as scene,
        open_raster(map_path, bands=[1], expand=False) as classes,
    ):
        picture, small, grid = shrunk_image(scene, LIMIT), shrunk_map(classes, LIMIT), classes.grid
    painted = fit(colorize(small.classes, task), picture)
    size = axes_m(grid)
    page = render(
        "map.html",
        title=f"Map of {Path(scene_path).name}",
        subtitle=f"{grid.width:,} x {grid.height:,} pixels, mapped by {card.name}",
        colors=task_colors(task),
        labels=task.labels,
        scene_picture=data_uri(picture),
        map_picture=data_uri(painted, drawn=True),
        rows=class_shares(small, task, size),
        hectares=size is not None,
        nodata=int(small.counts[len(task.labels) :].sum()),
        area_note=_area_note(grid),
        place=_place(grid, map_path),
        timing=_timing(summary) if summary and summary.pixels else [],
        card=card,
    )
    deliver(out_html, page.encode())


def open_scene(opened: Open, card: Card) -> Reader:
    """The scene with those bands that are shown best: red, green and blue, else the model's, else the first ones."""
    reader = opened(None, None)
    for wanted in (("red", "green", "blue"), card.bands):
        if set(wanted) <= set(reader.bands):
            reader.close()
            return opened(wanted, None)
    return reader


def class_shares(small: SmallMap, task: Task, size: tuple[float, float] | None) -> list[ClassShare]:
    """How much each class covers; `size` is width and height of a pixel in metres."""
    counts = small.counts[: len(task.labels)]
    total = max(1, int(counts.sum()))
    square = size[0] * size[1] / 10_000 if size else 0.0
    return [
        ClassShare(label, color, pixels, pixels / total, pixels * square)
        for label, color, pixels in zip(task.labels, task_colors(task), counts.tolist(), strict=True)
    ]


def _area_note(grid: Grid) -> str:
    if axes_m(grid) is None:
        return "The scene has no place on the ground, so there are no areas."
    if grid.crs is not None and grid.crs.is_projected:
        return ""
    return "Areas are measured with the pixel at the centre of the scene."


def _place(grid: Grid, map_path: Path) -> list[tuple[str, str]]:
    lines = [("map", map_path.name), ("size", f"{grid.width:,} x {grid.height:,} pixels")]
    size = axes_m(grid)
    if grid.crs is None or size is None:
        return [*lines, ("georeference", "none")]
    corners = np.array([(c, r, 1) for r in (0, grid.height) for c in (0, grid.width)])
    ground = corners @ np.array(grid.transform[:6]).reshape(2, 3).T  # 4,2: x and y
    (left, bottom), (right, top) = ground.min(0), ground.max(0)
    digits = 6 if grid.crs.is_geographic else 2
    bounds = f"{left:.{digits}f} to {right:.{digits}f}, {bottom:.{digits}f} to {top:.{digits}f}"
    name = grid.crs.to_wkt().split('"')[1]
    code = grid.crs.to_epsg()
    return [
        *lines,
        ("CRS", f"EPSG:{code}, {name}" if code else name),
        ("pixel", f"{size[0]:.4g} x {size[1]:.4g} m"),
        ("extent", f"{bounds} ({grid.width * size[0] / 1000:.3g} x {grid.height * size[1] / 1000:.3g} km)"),
    ]


def _timing(summary: Summary) -> list[tuple[str, str]]:
    return [
        ("mapped", f"{summary.pixels / 1e6:.4g} megapixels in {summary.seconds:.3g} s"),
        ("speed", f"{summary.megapixels_per_second:.3g} megapixels per second"),
        ("network", f"{summary.engine_seconds:.3g} s for {summary.tiles:,} tiles"),
        *([("skipped", f"{summary.skipped:,} tiles without data")] if summary.skipped else []),
    ]
