"""Maps scenes, one after the other, each with the other requested files."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smalti import __version__
from smalti.arguments import checked
from smalti.card import Card, Task
from smalti.errors import (
    BusyError,
    ClusterError,
    ModelWarning,
    OptionError,
    RasterError,
    SmaltiError,
    about,
    warn,
)
from smalti.files import check_local, check_place, guarded
from smalti.mapping.band_order import warn_of_order
from smalti.mapping.fit import STRETCH, Open, Resolution, check_stretch, open_fitting
from smalti.mapping.identity import identity
from smalti.mapping.once import made_once
from smalti.mapping.places import outputs, scenes
from smalti.mapping.protect import Inputs, Outputs, check_distinct, check_page
from smalti.mapping.run import map_scene, products
from smalti.mapping.source import Source, joined
from smalti.mapping.strips import map_strip
from smalti.mapping.unlike import UnlikeTiles, read_unlike, unlike_warning
from smalti.polygons.degrees import check_degrees
from smalti.polygons.file import FORMATS as POLYGON_FORMATS
from smalti.polygons.file import check_target
from smalti.products import Product
from smalti.raster.area import Area
from smalti.raster.files import files_behind, place_of
from smalti.raster.grid import Grid
from smalti.raster.ground import pixel_size_m, why_no_metres
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.remote.address import is_store
from smalti.remote.query import Query
from smalti.remote.store import StoreError
from smalti.scene import Averaged, Predictor, Summary
from smalti.text import count
from smalti.tiling import Window
from smalti.workflows.map_options import MapOptions
from smalti.workflows.map_result import MapResult
from smalti.workflows.models import AnyModel, OpenModel, opened
from smalti.workflows.progress import Meter, Show
from smalti.workflows.shard import parse_shard
from smalti.workflows.sources import SceneName, find_sources, wrong_bands
from smalti.workflows.worker_model import WorkerModel

if TYPE_CHECKING:
    from smalti.workflows.delivery import Delivery, Place
    from smalti.workflows.on_cluster import OnCluster, Scattering

LATER_S = 2.0
"""Seconds after which a map is looked at again that another process makes."""


@checked()
def map(
    scene: SceneName | Sequence[SceneName],
    output: str | Path,
    *,
    model: AnyModel = "landcover",
    tta: bool = False,
    confidence: bool = False,
    uncertainty: bool = False,
    probabilities: bool = False,
    cog: bool = False,
    polygons: str | Path | None = None,
    min_area: float = 0.0,
    report: bool = False,
    stac: bool = False,
    resolution: Resolution = "auto",
    bands: Sequence[str | int] | None = None,
    stretch: str | Sequence[float] | None = None,
    scheduler: str | None = None,
    progress: Show | None = None,
) -> MapResult:
    """Maps a scene, or several files on one grid as a mosaic, to the GeoTIFF `output`.

    Args:
        scene: A file, a URL, an object of a store, or a STAC item; or a sequence of them, of which later ones hide
            earlier ones.
        output: A path, or an address such as s3://BUCKET/map.tif, that ends in .tif; an existing file that is not a
            map is not replaced.
        model: A name, a file, the folder of a checkpoint, or the result of `open_model`.
        tta: Average over flips and quarter turns: eight times the work.
        confidence: Also write OUT_confidence.tif: the probability of the predicted class.
        uncertainty: Also write OUT_uncertainty.tif: the probability that the predicted class is wrong, by the
            temperature in the model's card; a `ModelWarning` if it has none.
        probabilities: Also write OUT_probabilities.tif: one band per class.
        cog: Write Cloud Optimized GeoTIFFs.
        polygons: Also write polygons into this file: .gpkg, .parquet, .geojson or .fgb.
        min_area: The smallest polygon in square metres; smaller ones are merged into a neighbour.
        report: Also write OUT.html, a page about the map.
        stac: Also write a STAC item, a collection and an index, as outputs in object stores always have.
        resolution: Metres per pixel that the network sees; `auto`: the nearest size in the model's range, where the
            scene's own is far outside of it; `native`: the scene's own. The map has the scene's pixels.
        bands: Bands for the model, by name or by number from 1, in the model's order.
        stretch: The range of values that becomes 0 to 255 for a model of bytes, the same for the whole scene: `2%,98%`
            of each band's valid pixels, `0,3000`, or a pair of values. The map's tags state it.
        scheduler: The address of a Dask scheduler, whose workers see the same files under the same names, or `local:4`
            for four processes of this machine (`local`: one per core); they make strips of the scene. A script that
            asks for `local` needs `if __name__ == "__main__":`.
        progress: Called with a `Progress` after each tile, in the caller's thread.

    Returns:
        The files that were written. A killed or interrupted run resumes when called again with the same arguments; a
        finished map is not made again.

    Raises:
        RasterError: The scene cannot be read, or its bands do not fit the model.
        ModelError: The model cannot be opened, or takes other pixels.
        OutputError: An output cannot be written, or would replace a file that is not a map.
        BusyError: Another process makes the same map.
        ClusterError: No scheduler answers, or versions or models of the workers differ.
        OptionError: An option is invalid.
        MissingExtraError: A package for a polygon format, an engine or a cluster is not installed.
    """
    options = MapOptions(
        tta=tta, confidence=confidence, uncertainty=uncertainty, probabilities=probabilities, cog=cog,
        min_area=min_area, report=report, stac=stac,
        polygons=None if polygons is None else str(polygons), resolution=resolution, bands=bands,
        stretch=stretch,
    )  # fmt: skip
    given = [scene] if isinstance(scene, str | Path) else list(scene)
    names = [str(name) for name in given]
    if Path(output).suffix.lower() not in (".tif", ".tiff"):
        raise OptionError(f"output is {output}: a map's name must end in .tif", value=output)
    if len(names) == 1 and (found := scenes(names[0], lambda _: None)) != names:
        raise OptionError(f"{names[0]}: holds {len(found)} scenes; give them to map_many", value=scene)
    given_too: dict[str, Any] = {"mosaic": True, "model": model, "options": options, "scheduler": scheduler}
    done: list[MapResult] = []
    for result in map_many(names, str(output), **given_too, progress=progress):  # to its end: it describes the map
        with about(scene):
            if isinstance(result, SmaltiError):
                raise result
        done.append(result)
    if not done:
        raise OptionError("no scene was given; give at least one file", value=scene)
    return done[0]


@checked()
def map_many(
    names: Sequence[SceneName],
    output: str | Path,
    *,
    mosaic: bool = False,
    model: AnyModel | Callable[[], OpenModel] = "landcover",
    options: MapOptions = MapOptions(),
    shard: str | None = None,
    scheduler: str | None = None,
    area: Area | None = None,
    query: Query = Query(),
    progress: Show | None = None,
) -> Iterator[MapResult | SmaltiError]:
    """Maps one scene after the other; yields the result of each, or its error.

    `names` are files, folders, globs, URLs, objects of a store, and STAC items, collections and APIs, of which `query`
    takes some items; `mosaic` joins all to one scene. `output` is a .tif file for one scene, a folder for several, or a
    prefix of a store such as s3://BUCKET/PREFIX. `model` may also be a function that opens it. Of `shard`, such as
    `0/8`, only every eighth scene is mapped, beginning with the first; the shards 0/8 to 7/8, on as many machines, make
    all maps. With `scheduler` see `map`, several scenes are mapped at once by the workers of a cluster; errors come
    last. Of each scene only `area` is mapped, as if it were a scene of its own. Errors of the model, the output or the
    options are raised before the first scene.
    """
    share = parse_shard(shard)
    if shard is not None and mosaic:
        raise OptionError("--shard splits a list of scenes, but --mosaic makes one map of all; omit one", value=shard)
    out = str(output) if isinstance(output, str) else output.as_posix()
    place, store = (_place(out), out) if is_store(out) else (None, None)
    found, failed = find_sources(names, query)
    yield from share.of(failed)
    if not found:
        return
    sources = [replace(source, area=area) for source in ([joined(found)] if mosaic else found)]
    if place is not None:
        place.check(len(sources), options.polygons)
        out, options = place.local, replace(options, cog=True)
    paths = _paths([str(name) for name in names], out, sources, options)
    ready = opened(model)
    if options.uncertainty:
        check_calibrated(ready.card)
    run = _Run(ready, options, progress, sources)
    planned = [run.planned(path) for path in paths]
    check_distinct(planned)
    jobs = share.of(list(zip(sources, paths, planned, strict=True)))
    refused = {source: error for source, *_ in jobs if (error := wrong_bands(source, ready.card))}
    yield from refused.values()
    if shard is not None:
        Meter(progress, "map", len(jobs)).say(f"shard {share}: {len(jobs)} of {count(len(sources), 'scene')}")
    jobs = [job for job in jobs if job[0] not in refused]
    delivery = run.delivery(place, paths[0].parent)
    if scheduler is None:
        made = _mapped(run, jobs, delivery)
    else:
        made = _on_cluster(scheduler, run, ready, [MapTask(*job, options, store) for job in jobs], delivery, progress)
    yield from made if delivery is None else _listed(made, delivery)


def _place(out: str) -> "Place":
    from smalti.workflows.delivery import Place  # lazily, like everything that a plain map does not need

    return Place(out)


def _mapped(
    run: "_Run", jobs: Sequence[tuple[Source, Path, Outputs]], delivery: "Delivery | None"
) -> Iterator[MapResult | SmaltiError]:
    for k, (source, path, planned) in enumerate(jobs, 1):
        title = f"{k}/{len(jobs)} {path.name}" if len(jobs) > 1 else path.name
        try:
            yield run.deliver(delivery, source, path, planned, title)
        except SmaltiError as error:
            yield error
            if isinstance(error, StoreError):  # it would refuse the next map, too
                return


def _listed(made: Iterator[MapResult | SmaltiError], delivery: "Delivery") -> Iterator[MapResult | SmaltiError]:
    """Describes all maps together when they are made, unless the store refuses."""
    for result in made:
        if isinstance(result, MapResult):
            delivery.add(result)
        yield result
        if isinstance(result, StoreError):
            return
    try:
        delivery.finish()
    except SmaltiError as error:
        yield error


def _paths(names: Sequence[str], out: str, sources: Sequence[Source], options: MapOptions) -> list[Path]:
    """A map's path for each scene."""
    check_local(out)
    with guarded(Path(out)):  # a name may be too long
        folder = _is_folder(names, out, len(sources))
    if options.polygons:
        _check_polygons(options.polygons, folder)
    return outputs(sources, out, folder)


def _is_folder(names: Sequence[str], out: str, maps: int) -> bool:
    """Whether OUT is a folder for maps; OptionError if it is unsuitable for the scenes."""
    named_as_file = Path(out).suffix.lower() in (".tif", ".tiff")
    if out.endswith("/") or Path(out).is_dir() or (not named_as_file and maps > 1):
        return True
    if maps > 1:
        raise OptionError(f"{maps} scenes need a folder, but OUT is the file {out}; or give --mosaic", value=out)
    if named_as_file:
        return False
    if len(names) == 1 and Path(names[0]).is_dir():
        return True
    raise OptionError(f"OUT is {out}: end it in .tif for a file or in / for a folder", value=out)


def _check_polygons(polygons: str, folder: bool) -> None:
    ending = polygons if polygons in POLYGON_FORMATS else Path(polygons).suffix.lower()
    if ending not in POLYGON_FORMATS:
        text = f"--polygons {polygons}: its ending must be one of {', '.join(POLYGON_FORMATS)}"
        raise OptionError(text, value=polygons)
    if folder and polygons not in POLYGON_FORMATS:
        raise OptionError(f"OUT is a folder: give --polygons only an ending, such as {ending}", value=polygons)


class _Run:
    """Shared by all scenes of one call."""

    def __init__(self, model: OpenModel, options: MapOptions, progress: Show | None, sources: Sequence[Source]) -> None:
        self._model, self._options, self._progress = model, options, progress
        self._predict: Predictor = Averaged(model) if options.tta else model
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
        fit = partial(open_fitting, stretch=options.range, mend=STRETCH)
        made_of = self._made_of(source, files_behind(source.files))
        with fit(
            source.name, source.opener, self._model.card, options.bands, options.resolution, lambda _: None
        ) as reader:
            return map_strip(reader, self._predict, path, made_of, options.wanted, rows=rows, turn=turn)

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
        fit = partial(open_fitting, stretch=options.range, mend=STRETCH)
        with fit(scene, open_scene, card, options.bands, options.resolution, warn) as reader:
            self._check(reader, planned)
            if not (options.range and options.range.measures):  # percentiles make all bands alike
                warn_of_order(scene, reader, card, open_scene, warn)
            meter = Meter(self._progress, title, reader.grid.height * reader.grid.width, "Pix")
            more: dict[str, Any] = {"scatter": scatter and scatter(meter), "progress": meter, "say": meter.say}
            summary = map_scene(reader, self._predict, path, made_of, options.wanted, **more)
            grid, traced = reader.grid, 0
            if planned.polygons:
                trace = partial(write_polygons, path, grid, card.class_task(), planned.polygons, options.min_area)
                traced = made_once(path, planned.polygons, f"{options.min_area!r} m2", trace)
        if planned.page:
            write = partial(_write_page, planned.page, scene, path, card, summary, open_scene)
            made_once(path, planned.page, "", write, exact=False)
        rasters = products(path, card, options.wanted)
        unlike = said_unlike(scene, read_unlike(path) if card.unlike else None, card)
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
        made_of = {
            "scene": identity(source.files, places),
            "model": model.sha256,
            "options": [asked.tta, asked.bands, asked.resolution, model.engine, model.threads, *source.assets[1:]],
        }
        return made_of | stretch | area


@dataclass(frozen=True)
class MapTask:
    """One map to be made by a worker."""

    source: Source
    path: Path
    planned: Outputs
    options: MapOptions
    store: str | None = None
    """The address of the output if it is in a store; then the map is made in a folder of the worker's machine."""
    model: WorkerModel | None = None

    def run(self) -> _Run:
        """The run of this map alone, in a worker."""
        assert self.model is not None
        return _Run(self.model.opened(), self.options, None, [self.source])


@dataclass(frozen=True)
class StripTask:
    """A strip of a map to be made by a worker."""

    whole: MapTask
    rows: tuple[int, int]
    turn: str


def map_task(task: MapTask) -> MapResult:
    """Makes a map in a worker, and brings it where it is to be."""
    run, path = task.run(), task.path
    if task.store is None:
        delivery = run.delivery(None, path.parent)
        return run.deliver(delivery, task.source, path, task.planned, path.name)
    from smalti.workflows.delivery import place_for_worker

    try:
        place = place_for_worker(task.store)
        path = place.work / path.name
        return run.deliver(run.delivery(place, path.parent), task.source, path, run.planned(path), path.name)
    except StoreError:
        place_for_worker.cache_clear()  # the next map asks for credentials again
        raise


def strip_task(task: StripTask) -> Summary:
    """Makes a strip of a map in a worker."""
    return task.whole.run().map_strip(task.whole.source, task.whole.path, task.rows, task.turn)


def _on_cluster(
    scheduler: str,
    run: _Run,
    model: OpenModel,
    tasks: list[MapTask],
    delivery: "Delivery | None",
    progress: Show | None,
) -> Iterator[MapResult | SmaltiError]:
    """Several maps, each by one worker, or one map as strips; errors come last."""
    from smalti.workflows.on_cluster import OnCluster  # lazily: Dask is slow to import

    with OnCluster(scheduler, model) as cluster:
        tasks = [replace(task, model=cluster.model) for task in tasks]
        if len(tasks) == 1:
            yield _in_strips(cluster, run, tasks[0], delivery)
            return
        failed: list[SmaltiError] = []
        for number, result in cluster.each(map_task, tasks, Meter(progress, "map", len(tasks), "scenes")):
            if isinstance(result, MapResult | StoreError):  # the store would refuse the next map, too
                yield result
            else:
                lost = isinstance(result, ClusterError) and result.value is None
                failed.append(ClusterError(f"{tasks[number].path}: {result}") if lost else result)
        yield from failed


def _in_strips(cluster: "OnCluster", run: _Run, task: MapTask, delivery: "Delivery | None") -> MapResult | SmaltiError:
    """One map as strips; workers that still make some for a client that was killed are waited for."""
    scatter = cluster.scattering(strip_task, partial(StripTask, task))
    while True:
        try:
            return run.deliver(delivery, task.source, task.path, task.planned, task.path.name, scatter)
        except BusyError:
            time.sleep(LATER_S)
        except SmaltiError as error:
            return error


def check_calibrated(card: Card) -> None:
    """Warns that a model has no temperature; ModelError if it predicts no classes."""
    card.class_task()
    tasks = [task.name for task in card.map_tasks() if task.has_classes and task.temperature is None]
    if tasks:
        text = (
            f"model {card.name}: its card has no temperature for {', '.join(tasks)}; its uncertainty is computed from"
        )
        warn(ModelWarning(f"{text} uncalibrated probabilities, which are usually overconfident"))


def said_unlike(scene: str, found: UnlikeTiles | None, card: Card) -> float | None:
    """The share of a scene that is unlike the model's training; warns of a large one."""
    if found is None:
        return None
    if (warning := unlike_warning(scene, found.share, card)) is not None:
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
