"""What `smalti map` does: scenes one after the other, each with what else was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.cli.any_model import digest_of, model_files, open_any
from smalti.cli.progress import bar
from smalti.errors import RasterError, SmaltiError
from smalti.jobs import check_local, check_place, guarded
from smalti.mapping.fit import Open, open_fitting
from smalti.mapping.identity import identity
from smalti.mapping.places import outputs, scenes
from smalti.mapping.protect import Inputs, Outputs, check_page, refuse_twice
from smalti.mapping.run import Wanted, map_scene, products
from smalti.polygons.degrees import check_degrees
from smalti.polygons.file import FORMATS as POLYGON_FORMATS
from smalti.polygons.file import check_target
from smalti.products import Product
from smalti.raster.files import files_behind, place_of
from smalti.raster.grid import Grid
from smalti.raster.ground import pixel_size_m, why_no_metres
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.scene import Averaged, Predictor, Summary
from smalti.tiling import Window


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for beside scenes and output."""

    model: str
    tta: bool
    confidence: bool
    probabilities: bool
    cog: bool
    polygons: str | None
    min_area: float
    report: bool
    resolution: float | Literal["auto"] | None
    bands: tuple[str, ...] | None
    engine: Literal["auto", "onnx", "openvino"]
    threads: int | None


def map_scenes(names: Sequence[str], out: str, mosaic: bool, options: Options) -> list[SmaltiError]:
    """Maps one scene after the other; returns what failed, each told as one line."""
    found, failed = _find(names)
    if not found:
        return failed
    groups = [found] if mosaic else [[scene] for scene in found]
    check_local(out)
    folder = _is_folder(names, out, len(groups))
    if options.polygons:
        _check_polygons(options.polygons, folder)
    paths = outputs([group[0] for group in groups], out, folder)
    predict: Predictor = open_any(options.model, engine=options.engine, threads=options.threads)
    if options.tta:
        predict = Averaged(predict)
    planned = [_planned(path, predict, options) for path in paths]
    refuse_twice(planned)
    read = Inputs([*map(place_of, found), *map(str, model_files(options.model))])
    run = Run(predict, options, digest_of(options.model), read)
    for k, (group, path, one) in enumerate(zip(groups, paths, planned, strict=True), 1):
        try:
            run.map_one(group, path, one, f"{k}/{len(groups)} {path.name}" if len(groups) > 1 else path.name)
        except SmaltiError as error:
            failed.append(_told(error))
    return failed


def _planned(path: Path, predict: Predictor, options: Options) -> Outputs:
    """All that will be written for a map; what can be told without a scene is refused here."""
    given, polygons = options.polygons, None
    if given:
        predict.card.class_task()
        polygons = path.with_suffix(given) if given in POLYGON_FORMATS else Path(given)
        if polygons.parent != path.parent:  # the map's own folder is made where it is missing
            check_target(polygons)
    page = path.with_suffix(".html") if options.report else None
    return Outputs(tuple(products(path, predict.card, _wanted(options))), polygons, page)


def _find(names: Sequence[str]) -> tuple[list[str], list[SmaltiError]]:
    found: list[str] = []
    failed: list[SmaltiError] = []
    for name in names:
        try:
            found += [scene for scene in scenes(name) if scene not in found]
        except SmaltiError as error:
            failed.append(_told(error))
    return found, failed


def _told(error: SmaltiError) -> SmaltiError:
    click.echo(f"smalti: {error}", err=True)
    return error


def _warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)


def _is_folder(names: Sequence[str], out: str, maps: int) -> bool:
    """Whether OUT is a folder to put maps into; UsageError where it cannot be what the scenes need."""
    named_as_file = Path(out).suffix.lower() in (".tif", ".tiff")
    if out.endswith("/") or Path(out).is_dir() or (not named_as_file and maps > 1):
        return True
    if maps > 1:
        raise click.UsageError(f"{maps} scenes need a folder, but OUT is the file {out}; or give --mosaic")
    if named_as_file:
        return False
    if len(names) == 1 and Path(names[0]).is_dir():
        return True
    raise click.UsageError(f"OUT is {out}: end it in .tif for a file or in / for a folder")


def _check_polygons(polygons: str, folder: bool) -> None:
    ending = polygons if polygons in POLYGON_FORMATS else Path(polygons).suffix.lower()
    if ending not in POLYGON_FORMATS:
        raise click.UsageError(f"--polygons {polygons}: its ending must be one of {', '.join(POLYGON_FORMATS)}")
    if folder and polygons not in POLYGON_FORMATS:
        raise click.UsageError(f"OUT is a folder: give --polygons only an ending, such as {ending}")


@dataclass(frozen=True, slots=True)
class Run:
    """What all scenes of one call share."""

    predict: Predictor
    options: Options
    model: str
    """SHA-256 of the model."""
    read: Inputs
    """All that this call reads, as far as the names that were given tell."""

    def map_one(self, group: list[str], path: Path, planned: Outputs, title: str) -> None:
        """Maps one scene, or several seen as one, and makes what else was asked for."""
        scene = group[0] if len(group) == 1 else f"{group[0]} and {len(group) - 1} more"
        card, options = self.predict.card, self.options
        places = files_behind(group)
        for read in (self.read, Inputs(places)):
            read.refuse_to_replace(planned)
        with open_fitting(scene, _opener(group), card, options.bands, options.resolution, _warn) as reader:
            self._check(reader, planned)
            with bar(reader.grid.height * reader.grid.width, "Pix", title) as progress:
                made_of = self._made_of(group, places)
                summary = map_scene(reader, self.predict, path, made_of, _wanted(options), progress, click.echo, _warn)
            if summary is not None:
                _tell(path, summary, products(path, card, _wanted(options)))
            if planned.polygons:
                _write_polygons(path, reader.grid, card.class_task(), planned.polygons, options.min_area)
        if planned.page:
            from smalti.report.map_page import write_map_page  # lazily, as all that a plain map does not need

            write_map_page(planned.page, scene, path, card, summary, _opener(group))
            click.echo(planned.page)

    def _check(self, reader: Reader, planned: Outputs) -> None:
        """Refuses what would otherwise be refused when the map is finished."""
        for path in planned.rasters:
            with guarded(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            check_place(path)
        if planned.polygons:
            check_target(planned.polygons)
            if planned.polygons.suffix.lower() == ".geojson":
                check_degrees(reader.grid)
            if self.options.min_area and pixel_size_m(reader.grid) is None:
                what = f"a smallest area in square metres has no meaning: {why_no_metres(reader.grid)}"
                raise RasterError(f"{reader.path}: {what}; leave --min-area out")
        if planned.page:
            check_page(planned.page)

    def _made_of(self, group: list[str], places: list[str]) -> dict[str, Any]:
        """What decides about the map's pixels beside the card and the grid."""
        asked = self.options
        return {
            "scene": identity(group, places),
            "model": self.model,
            "options": [asked.tta, asked.bands, asked.resolution, asked.engine, asked.threads],
        }


def _tell(path: Path, summary: Summary, rasters: dict[Path, Product]) -> None:
    speed = f"{summary.seconds:.1f} s, {summary.megapixels_per_second:.1f} MPix/s"
    click.echo(f"{path}: {summary.pixels / 1e6:.1f} MPix in {speed}" if summary.pixels else path)
    for raster, product in rasters.items():
        if raster != path:
            click.echo(f"{raster}: {', '.join(product.bands)}")


def _wanted(options: Options) -> Wanted:
    return Wanted(options.confidence, options.probabilities, options.cog)


def _opener(group: list[str]) -> Open:
    if len(group) == 1:
        return partial(open_raster, group[0])
    from smalti.raster.mosaic import open_mosaic

    return partial(open_mosaic, group)


def _write_polygons(path: Path, grid: Grid, task: Task, target: Path, min_area: float) -> None:
    from smalti.polygons.vectorize import polygons

    with open_raster(path, expand=False) as finished:

        def classes(window: Window) -> NDArray[np.uint8]:
            ids, valid = finished.read(window)
            return np.where(valid, ids[0], np.uint8(task.ignore))

        number = polygons(classes, grid, task, target, min_area_m2=min_area, warn=_warn)
    click.echo(f"{target}: {number} polygons")
