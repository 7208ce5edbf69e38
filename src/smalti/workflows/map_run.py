"""Maps single scenes of one call, each with the other requested files."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smalti import __version__
from smalti.averaged import PASSES, Averaged
from smalti.card import Card, Task
from smalti.errors import ModelWarning, RasterError, warn
from smalti.files import check_place, guarded
from smalti.mapping.band_order import warn_of_order
from smalti.mapping.fit import STRETCH, Open, check_stretch, open_fitting
from smalti.mapping.glance import narrow_range
from smalti.mapping.identity import identity
from smalti.mapping.once import made_once
from smalti.mapping.protect import Inputs, Outputs, check_page
from smalti.mapping.rasters import products
from smalti.mapping.run import map_scene
from smalti.mapping.source import Source
from smalti.mapping.strips import map_strip
from smalti.mapping.unlike import WARN_FROM, UnlikeTiles, read_unlike, unlike_warning
from smalti.polygons.degrees import check_degrees
from smalti.polygons.file import FORMATS as POLYGON_FORMATS
from smalti.polygons.file import check_target
from smalti.products import Product
from smalti.raster.files import files_behind, place_of
from smalti.raster.grid import Grid
from smalti.raster.ground import pixel_size_m, why_no_metres
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.scene import Predictor, Summary
from smalti.tiling import Window
from smalti.workflows.engine import engine_choice
from smalti.workflows.map_options import MapOptions
from smalti.workflows.map_result import MapResult
from smalti.workflows.models import OpenModel
from smalti.workflows.progress import Meter, Show

if TYPE_CHECKING:
    from smalti.workflows.delivery import Delivery, Place
    from smalti.workflows.on_cluster import Scattering


class MapRun:
    """Shared by all scenes of one call."""

    def __init__(
        self,
        model: OpenModel,
        options: MapOptions,
        progress: Show | None,
        sources: Sequence[Source],
        *,
        here: bool = True,
    ) -> None:
        """`here`: all maps of this call are made by this process."""
        self._model, self._options, self._progress = model, options, progress
        self._predict: Predictor = Averaged(model) if options.tta else model
        self._choose = engine_choice(model, tta=options.tta, maps=len(sources), here=here)
        files = [place_of(file) for source in sources for file in source.files]
        self._read = Inputs(files + [str(file) for file in model.files])

    def planned(self, path: Path) -> Outputs:
        """The outputs of a map; errors that do not depend on the scene are raised here."""
        given, polygons = self._options.polygons, None
        check_stretch(self._model.card, self._options.range)
        if given:
            self._model.card.class_task()
            polygons = path.with_suffix(given) if given in POLYGON_FORMATS else Path(given)
            if polygons.parent != path.parent:  # the map's own folder is created if it is missing
                check_target(polygons)
        page = path.with_suffix(".html") if self._options.report else None
        return Outputs(tuple(self.rasters(path)), polygons, page)

    def rasters(self, path: Path) -> dict[Path, Product]:
        """The rasters of a map, itself first."""
        return products(path, self._model.card, self._options.wanted)

    def delivery(self, place: "Place | None", folder: Path) -> "Delivery | None":
        """Brings maps into a store, or describes those of a folder; None where there is nothing to do after a map."""
        if place is None and not self._options.stac:
            return None
        from smalti.workflows.delivery import delivery_to

        return delivery_to(place or folder, self._model, self.rasters, cog=self._options.cog)

    def job(self, source: Source) -> str:
        """A digest of all that the outputs of a map depend on."""
        asked = self._options
        made_of = self._made_of(source, files_behind(source.files))
        more = [__version__, self._model.card.dump(), asked.polygons, asked.min_area, asked.report, asked.cog]
        wanted = [asked.confidence, asked.uncertainty, asked.probabilities]
        return hashlib.sha256(json.dumps([made_of, more, wanted], sort_keys=True).encode()).hexdigest()

    def map_strip(self, source: Source, path: Path, rows: tuple[int, int], turn: str) -> Summary:
        """Makes some rows of a map for another process, which warns."""
        options = self._options
        fit = partial(open_fitting, stretch=options.range, mend=STRETCH, whole=source.whole)
        made_of = self._made_of(source, files_behind(source.files))
        with fit(
            source.name, source.opener, self._model.card, options.bands, options.resolution, lambda _: None
        ) as reader:
            return map_strip(
                reader, self._predict, path, made_of, options.wanted, rows=rows, turn=turn, choose=self._choose
            )

    def deliver(
        self,
        delivery: "Delivery | None",
        source: Source,
        path: Path,
        planned: Outputs,
        title: str,
        scatter: "Scattering | None" = None,
    ) -> MapResult:
        """Maps one scene as `map_one` does, and brings it where it is to be."""
        make = partial(self.map_one, source, path, planned, title, scatter)
        return make() if delivery is None else delivery.deliver(source, planned, partial(self.job, source), make)

    def map_one(
        self, source: Source, path: Path, planned: Outputs, title: str, scatter: "Scattering | None" = None
    ) -> MapResult:
        """Maps one scene, or several as a mosaic, and writes the other requested files."""
        scene, open_scene = source.name, source.opener
        card, options = self._model.card, self._options
        places = files_behind(source.files)
        with guarded(path):
            for read in (self._read, Inputs(places)):
                read.refuse_to_replace(planned)
        made_of = self._made_of(source, places)  # first: it notices that a remote scene has changed
        fit = partial(open_fitting, stretch=options.range, mend=STRETCH, whole=source.whole)
        with fit(scene, open_scene, card, options.bands, options.resolution, warn) as reader:
            self._check(reader, planned)
            if not (options.range and options.range.measures):  # percentiles make all bands alike
                warn_of_order(scene, reader, card, open_scene, warn)
            meter = Meter(self._progress, title, reader.grid.height * reader.grid.width, "Pix")
            more: dict[str, Any] = {"scatter": scatter and scatter(meter), "progress": meter, "say": meter.say}
            more["choose"] = self._choose
            summary = map_scene(reader, self._predict, path, made_of, options.wanted, **more)
            unlike = said_unlike(scene, read_unlike(path) if card.unlike else None, card, reader)
            grid, traced = reader.grid, 0
            if planned.polygons:
                trace = partial(write_polygons, path, grid, card.class_task(), planned.polygons, options.min_area)
                traced = made_once(path, planned.polygons, f"{options.min_area!r} m2", trace)
        if planned.page:
            write = partial(_write_page, planned.page, scene, path, card, summary, open_scene)
            made_once(path, planned.page, "", write, exact=False)
        rasters = products(path, card, options.wanted)
        return MapResult(scene, path, rasters, grid, summary, planned.polygons, traced, planned.page, unlike=unlike)

    def _check(self, reader: Reader, planned: Outputs) -> None:
        """Raises errors that would otherwise only be raised when the map is finished."""
        for path in planned.rasters:
            check_place(path, parents=True)
            with guarded(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            check_place(path)
        if planned.polygons:
            check_target(planned.polygons)
            if planned.polygons.suffix.lower() == ".geojson":
                check_degrees(reader.grid)
            if self._options.min_area and pixel_size_m(reader.grid) is None:
                what = f"a smallest area in square metres is undefined: {why_no_metres(reader.grid)}"
                raise RasterError(f"{reader.path}: {what}; omit --min-area", value=self._options.min_area)
        if planned.page:
            check_page(planned.page)

    def _made_of(self, source: Source, places: list[str]) -> dict[str, Any]:
        """What the map's pixels depend on besides the card and the grid."""
        asked, model = self._options, self._model
        stretch = {} if asked.range is None else {"stretch": str(asked.range)}
        area = {} if source.area is None else {"area": asdict(source.area)}
        passes = asked.tta and PASSES  # how views are averaged, for another way gives another map
        made_of = {
            "scene": identity(source.files, places),
            "model": model.sha256,
            "options": [passes, asked.bands, asked.resolution, model.engine, model.threads, *source.assets[1:]],
        }
        return made_of | stretch | area


def check_calibrated(card: Card) -> None:
    """Warns that a model has no temperature; ModelError if it predicts no classes."""
    card.class_task()
    tasks = [task.name for task in card.map_tasks() if task.has_classes and task.temperature is None]
    if tasks:
        text = (
            f"model {card.name}: its card has no temperature for {', '.join(tasks)}; its uncertainty is computed from"
        )
        warn(ModelWarning(f"{text} uncalibrated probabilities, which are usually overconfident"))


def said_unlike(scene: str, found: UnlikeTiles | None, card: Card, file: Reader | None) -> float | None:
    """The share of a scene that is unlike the model's training; warns of a large one. `file` is the scene if it is one,
    for arrays cannot be stretched."""
    if found is None:
        return None
    values = narrow_range(file) if file and found.share >= WARN_FROM else None  # reads parts of it again
    if (warning := unlike_warning(scene, found.share, card, values)) is not None:
        warn(warning)
    return found.share


def _write_page(page: Path, scene: str, path: Path, card: Card, summary: Summary | None, opened: Open) -> int:
    from smalti.report.map_page import write_map_page  # lazily, like everything that a plain map does not need

    write_map_page(page, scene, path, card, summary, opened)
    return 1


def write_polygons(path: Path, grid: Grid, task: Task, target: Path, min_area: float) -> int:
    """Writes the polygons of a finished map; returns their number. Smaller ones than `min_area` m² are merged."""
    from smalti.polygons.vectorize import polygons  # lazily: shapely is slow to import

    with open_raster(path, expand=False) as finished:

        def classes(window: Window) -> NDArray[np.uint8]:
            ids, valid = finished.read(window)
            return np.where(valid, ids[0], np.uint8(task.ignore))

        return polygons(classes, grid, task, target, min_area_m2=min_area)
