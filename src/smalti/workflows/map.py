"""Maps scenes, one after the other, each with the other requested files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smalti.arguments import checked
from smalti.errors import (
    OptionError,
    SmaltiError,
    about,
)
from smalti.files import check_local, guarded
from smalti.mapping.fit import Resolution
from smalti.mapping.places import outputs, scenes
from smalti.mapping.protect import Outputs, check_distinct
from smalti.mapping.source import Source, joined
from smalti.polygons.file import FORMATS as POLYGON_FORMATS
from smalti.raster.area import Area
from smalti.remote.address import is_store
from smalti.remote.query import Query
from smalti.remote.store import StoreError
from smalti.text import count
from smalti.workflows.map_options import MapOptions
from smalti.workflows.map_result import MapResult
from smalti.workflows.map_run import MapRun, check_calibrated
from smalti.workflows.models import AnyModel, OpenModel, opened
from smalti.workflows.progress import Meter, Show
from smalti.workflows.shard import parse_shard
from smalti.workflows.sources import SceneName, find_sources, wrong_bands

if TYPE_CHECKING:
    from smalti.workflows.delivery import Delivery, Place


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
        tta: Average over flips and quarter turns: two to eight times the work.
        confidence: Also write OUT_confidence.tif: the probability of the predicted class.
        uncertainty: Also write OUT_uncertainty.tif: the probability that the predicted class is wrong, by the
            temperature in the model's card; a `ModelWarning` if it has none.
        probabilities: Also write OUT_probabilities.tif: one band per class.
        cog: Write Cloud Optimized GeoTIFFs.
        polygons: Also write polygons into this file: .gpkg, .parquet, .geojson or .fgb.
        min_area: The smallest polygon in square metres; smaller ones are merged into a neighbour.
        report: Also write OUT.html, a page about the map.
        stac: Also write a STAC item, a collection and an index, as outputs in object stores always have.
        resolution: Metres per pixel that the network sees; `auto`: the nearest size in the model's range, but at
            least half of the scene's own, where that is far outside of the range; `native`: the scene's own. The
            map has the scene's pixels.
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
    run = MapRun(ready, options, progress, sources, here=shard is None and scheduler is None)
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
        from smalti.workflows.map_on_cluster import MapTask, map_on_cluster  # lazily: Dask is slow to import

        tasks = [MapTask(*job, options, store) for job in jobs]
        made = map_on_cluster(scheduler, run, ready, tasks, delivery, progress)
    yield from made if delivery is None else _listed(made, delivery)


def _place(out: str) -> "Place":
    from smalti.workflows.delivery import Place  # lazily, like everything that a plain map does not need

    return Place(out)


def _mapped(
    run: MapRun, jobs: Sequence[tuple[Source, Path, Outputs]], delivery: "Delivery | None"
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
