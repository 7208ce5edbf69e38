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
from smalti.cli.progress import bar
from smalti.errors import SmaltiError
from smalti.mapping.fit import Open, open_fitting
from smalti.mapping.places import identity, outputs, refuse_to_replace, refuse_twice, scenes
from smalti.mapping.run import Wanted, map_scene, products
from smalti.raster.grid import Grid
from smalti.raster.read import open_raster
from smalti.runtime.models import find_model, verify
from smalti.runtime.open import open_model
from smalti.scene import Averaged, Predictor
from smalti.tiling import Window

POLYGON_FORMATS = (".gpkg", ".parquet", ".geojson", ".fgb")


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
    folder = _is_folder(names, out, len(groups))
    if options.polygons:
        _check_polygons(options.polygons, folder)
    paths = outputs([group[0] for group in groups], out, folder)
    predict: Predictor = open_model(options.model, options.engine, options.threads)
    if options.tta:
        predict = Averaged(predict)
    refuse_twice([raster for path in paths for raster in products(path, predict.card, _wanted(options))])
    for k, (group, path) in enumerate(zip(groups, paths, strict=True), 1):
        try:
            _map_one(group, path, predict, options, f"{k}/{len(groups)} {path.name}" if len(groups) > 1 else path.name)
        except SmaltiError as error:
            failed.append(_told(error))
    return failed


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


def _map_one(group: list[str], path: Path, predict: Predictor, options: Options, title: str) -> None:
    """Maps one scene, or several seen as one, and makes what else was asked for."""
    scene = group[0] if len(group) == 1 else f"{group[0]} and {len(group) - 1} more"
    wanted = _wanted(options)
    rasters = products(path, predict.card, wanted)
    for raster in rasters:
        refuse_to_replace(group, raster)
    with open_fitting(scene, _opener(group), predict.card, options.bands, options.resolution, _warn) as reader:
        pixels = reader.grid.height * reader.grid.width
        with bar(pixels, "Pix", title) as progress:
            summary = map_scene(reader, predict, path, _made_of(group, options), wanted, progress, click.echo)
        if summary is not None:
            speed = f"{summary.seconds:.1f} s, {summary.megapixels_per_second:.1f} MPix/s"
            click.echo(f"{path}: {summary.pixels / 1e6:.1f} MPix in {speed}" if summary.pixels else path)
            for raster, product in rasters.items():
                if raster != path:
                    click.echo(f"{raster}: {', '.join(product.bands)}")
        if options.polygons:
            _write_polygons(path, reader.grid, predict.card.class_task(), options)
    if options.report:
        from smalti.report.map_page import write_map_page  # lazily, as all that a plain map does not need

        write_map_page(path.with_suffix(".html"), scene, path, predict.card, summary, _opener(group))
        click.echo(path.with_suffix(".html"))


def _wanted(options: Options) -> Wanted:
    return Wanted(options.confidence, options.probabilities, options.cog)


def _opener(group: list[str]) -> Open:
    if len(group) == 1:
        return partial(open_raster, group[0])
    from smalti.raster.mosaic import open_mosaic

    return partial(open_mosaic, group)


def _made_of(group: list[str], options: Options) -> dict[str, Any]:
    """What decides about the map's pixels beside the card and the grid."""
    return {
        "scene": identity(group),
        "model": verify(find_model(options.model)).sha256,
        "options": [options.tta, options.bands, options.resolution, options.engine, options.threads],
    }


def _write_polygons(path: Path, grid: Grid, task: Task, options: Options) -> None:
    from smalti.raster.vector import polygons

    given = options.polygons or ""
    target = path.with_suffix(given) if given in POLYGON_FORMATS else Path(given)
    with open_raster(path, expand=False) as finished:

        def classes(window: Window) -> NDArray[np.uint8]:
            ids, valid = finished.read(window)
            return np.where(valid, ids[0], np.uint8(task.ignore))

        number = polygons(classes, grid, task, target, min_area_m2=options.min_area)
    click.echo(f"{target}: {number} polygons")
