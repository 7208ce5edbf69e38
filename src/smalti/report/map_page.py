"""The page of a map: scene and map overlaid, area per class, the model, the georeference, the timing."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Picture
from smalti.averaged import PASSES_TAG
from smalti.card import RGB, Card, Task
from smalti.files import deliver
from smalti.mapping.fit import Open
from smalti.mapping.rasters import Wanted, products
from smalti.mapping.unlike import read_unlike
from smalti.raster.files import quiet_open
from smalti.raster.grid import Grid
from smalti.raster.ground import axes_m
from smalti.raster.palette import RAMP, colorize, task_colors
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.raster.values import METRES
from smalti.report.page import render
from smalti.report.pictures import SmallMap, data_uri, fit, marked, shrunk_image, shrunk_map, shrunk_values
from smalti.report.relief import limits, relief
from smalti.scene import Summary
from smalti.text import within

LIMIT = 1400
"""Maximum longer side of the pictures, in pixels."""


@dataclass(frozen=True)
class ClassShare:
    """A class and the area that it covers."""

    label: str
    color: RGB
    pixels: int
    share: float
    hectares: float


@dataclass(frozen=True)
class Surface:
    """The map of one task: its picture, the range of its values, and facts to print beside it."""

    task: Task
    picture: NDArray[np.uint8]
    low: float = 0.0
    high: float = 0.0
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def source(self) -> str:
        """The picture as a data URI."""
        return data_uri(self.picture, drawn=self.task.has_classes)


@dataclass(frozen=True)
class Unlike:
    """Where a scene is unlike what the model was trained on."""

    share: float
    picture: str
    """The scene with those parts marked, as a data URI."""


def write_map_page(
    out_html: Path, scene_path: str, map_path: Path, card: Card, summary: Summary | None, opened: Open | None = None
) -> None:
    """Writes the page of a scene's maps.

    Args:
        out_html: path of the HTML file.
        scene_path: the scene.
        map_path: the map of the first task; those of the others lie beside it.
        card: of the model.
        summary: timing of the mapping; None if the maps existed already.
        opened: opens the scene if `scene_path` is only its name, as with a mosaic of files.

    Raises:
        ModelError: the model has no task that predicts pixels.
        OutputError: the page cannot be written.
        RasterError: the scene or a map cannot be read.
    """
    rasters = products(map_path, card, Wanted())
    main = rasters[map_path].task
    with open_scene(opened or partial(open_raster, scene_path), card) as scene:
        picture = shrunk_image(scene, LIMIT)
    with open_raster(map_path, bands=[1], expand=False) as file:
        small = shrunk_map(file, LIMIT) if main.has_classes else None
        grid = file.grid
    surfaces = [_surface(path, product.task, card) for path, product in rasters.items()]
    page = render(
        "map.html",
        title=f"Map of {Path(scene_path).name}",
        subtitle=f"{grid.width:,} x {grid.height:,} pixels, mapped by {card.name}{_passes(map_path)}",
        colors=task_colors(main) if main.has_classes else RAMP,
        ramp=RAMP,
        palettes={surface.task.name: task_colors(surface.task) for surface in surfaces},
        scene_picture=data_uri(picture),
        map_picture=data_uri(fit(surfaces[0].picture, picture), drawn=main.has_classes),
        surfaces=surfaces,
        rows=class_shares(small, main) if small else [],
        hectares=axes_m(grid) is not None,
        nodata=int(small.counts[len(main.labels) :].sum()) if small else 0,
        area_note="" if axes_m(grid) else "The scene has no georeference, so there are no areas.",
        unlike=_unlike(map_path, card, picture),
        place=_place(grid, [path.name for path in rasters]),
        timing=_timing(summary) if summary and summary.pixels else [],
        card=card,
    )
    deliver(out_html, page.encode())


def _surface(path: Path, task: Task, card: Card) -> Surface:
    """The picture of one map: its classes in colours, or its values shaded as a surface."""
    with open_raster(path, bands=[1], expand=False) as file:
        if task.has_classes:
            return Surface(task, colorize(shrunk_map(file, LIMIT).classes, task))
        small, grid = shrunk_values(file, LIMIT), file.grid
    low, high = limits(small.values)
    shaded = relief(small.values, low, high, small.step * pixel_in_unit(grid, task, card))
    whole, unit = small.whole, f" {task.unit}" if task.unit else ""
    figures = (("lowest", whole.least), ("mean", whole.mean), ("highest", whole.most)) if whole.count else ()
    facts = tuple((name, within(value, whole.most - whole.least) + unit) for name, value in figures)
    return Surface(task, shaded, low, high, facts)


def _passes(map_path: Path) -> str:
    """The words behind the model's name, if views were averaged."""
    with quiet_open(str(map_path)) as file:
        passes = file.tags().get(PASSES_TAG)
    return f": {passes}" if passes else ""


def _unlike(map_path: Path, card: Card, picture: Picture) -> Unlike | None:
    """The marked scene; None if the map does not state what is unlike the training."""
    found = read_unlike(map_path) if card.unlike else None
    if found is None:
        return None
    height, width = picture.shape[:2]
    parts = np.zeros((height, width), bool)
    for left, top, right, bottom in found.parts(card):
        parts[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = True
    return Unlike(found.share, data_uri(marked(picture, parts)))


def pixel_in_unit(grid: Grid, task: Task, card: Card) -> float:
    """The side of a pixel in the unit of a task; 1 if unknown."""
    size, known = axes_m(grid), card.resolution
    metres = sum(size) / 2 if size else known[0] if known else 1.0
    return metres / METRES.get(task.unit, 1.0)


def open_scene(opened: Open, card: Card) -> Reader:
    """The scene with the bands to show: red, green and blue, else the model's, else the first ones."""
    reader = opened(None, resolution=None)
    for wanted in (("red", "green", "blue"), card.bands):
        if set(wanted) <= set(reader.bands):
            reader.close()
            return opened(wanted, resolution=None)
    return reader


def class_shares(small: SmallMap, task: Task) -> list[ClassShare]:
    """The share and area of each class; 0 hectares if areas are unknown."""
    counts = small.counts[: len(task.labels)].tolist()
    areas = (small.areas if small.areas is not None else np.zeros(256)).tolist()
    total = max(1, sum(counts))
    return [
        ClassShare(label, color, pixels, pixels / total, square_m / 10_000)
        for label, color, pixels, square_m in zip(task.labels, task_colors(task), counts, areas, strict=False)
    ]


def _place(grid: Grid, names: list[str]) -> list[tuple[str, str]]:
    what = "map" if len(names) == 1 else "maps"
    lines = [(what, ", ".join(names)), ("size", f"{grid.width:,} x {grid.height:,} pixels")]
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
