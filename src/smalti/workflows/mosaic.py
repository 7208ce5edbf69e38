"""Many scenes as one map, tile by tile."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from smalti.arguments import checked
from smalti.errors import OptionError, SmaltiError
from smalti.mosaics.plan import Order, Plan
from smalti.remote.address import is_store
from smalti.remote.store import KINDS, StoreError
from smalti.text import count
from smalti.workflows.delivery import Delivery
from smalti.workflows.models import AnyModel, OpenModel, opened
from smalti.workflows.mosaic_home import WHOLE, Home, home_of, made_in
from smalti.workflows.mosaic_options import MosaicOptions, TileSide
from smalti.workflows.mosaic_run import MosaicRun, MosaicTile, MosaicWhole, TileTask, tile_task
from smalti.workflows.progress import Meter, Show
from smalti.workflows.shard import parse_shard
from smalti.workflows.sources import SceneName


@dataclass(frozen=True)
class MosaicResult:
    """A mosaic, as far as it is finished."""

    folder: Path
    path: Path
    """The virtual raster of all finished tiles; with `shard` it is written when all are finished."""
    tiles: tuple[MosaicTile, ...] = field(repr=False)
    """The tiles of this call."""
    address: str = ""
    """Where the virtual raster lies, if the output is in an object store; the paths are where all was made."""


@checked()
def mosaic(
    scenes: SceneName | Sequence[SceneName],
    output: str | Path,
    *,
    model: AnyModel = "landcover",
    crs: str | None = None,
    resolution: float | None = None,
    tile: TileSide = 8192,
    extent: Sequence[float] | None = None,
    order: Order = "given",
    clouds: str | None = None,
    cloud_values: Sequence[int] | None = None,
    tta: bool = False,
    confidence: bool = False,
    uncertainty: bool = False,
    probabilities: bool = False,
    stac: bool = False,
    bands: Sequence[str | int] | None = None,
    stretch: str | Sequence[float] | None = None,
    shard: str | None = None,
    scheduler: str | None = None,
    progress: Show | None = None,
) -> MosaicResult:
    """Maps many scenes as one: Cloud Optimized GeoTIFFs on one grid in `output`/tiles, and `output`/mosaic.vrt of all.

    Scenes may differ in CRS and pixel size, and overlap: each is predicted by itself, and where one ends, its
    predictions fade into those of the scenes below. A call that was killed is resumed by the same call; a tile is made
    again only where one of its scenes has changed.

    Args:
        scenes: Files, folders, globs or URLs.
        output: A folder, or a prefix of an object store such as s3://BUCKET/PREFIX.
        model: A name, a file, the folder of a checkpoint, or the result of `open_model`.
        crs: The CRS of the mosaic, projected; None for that of all scenes.
        resolution: Metres per pixel, of the map and for the network; None for those of all scenes.
        tile: The side of a tile: pixels, or kilometres as `10km`. Tiles are counted from the origin of the CRS.
        extent: Left, bottom, right and top in the CRS of the mosaic: only tiles that touch it are made.
        order: The scene on top: the last one given, the one taken last (by tags, else names), or the one with the
            largest share of valid, clear pixels.
        clouds: A cloud mask: a band of each scene, or a file named after it, as `{}_clouds.tif`.
        cloud_values: Values of the mask that are clouds; None for all but 0.
        tta: Average over flips and quarter turns: two to eight times the work.
        confidence: Also the probability of the predicted class.
        uncertainty: Also the probability that the predicted class is wrong.
        probabilities: Also one band per class.
        stac: Also a STAC item of each tile, a collection and an index, as outputs in object stores always have.
        bands: Bands for the model, by name or by number from 1, in the model's order.
        stretch: The range of values that becomes 0 to 255 for a model of bytes; percentiles are those of each scene.
        shard: `0/8`: only every eighth tile, beginning with the first.
        scheduler: The address of a Dask scheduler, or `local:4`, as for `map`; each worker makes one tile at a time.
        progress: Called with a `Progress`, in the caller's thread.

    Raises:
        RasterError: A scene cannot be read, has no place on the ground, or its bands do not fit the model.
        OptionError: The grid is not determined by the scenes or unsuitable, or an option is invalid.
        DataError: No scene lies in the extent.
        OutputError: A tile cannot be written, or would replace a file that is not a map; a store refuses it.
        BusyError: Another process makes one of the tiles.
        ClusterError: No scheduler answers, or versions or models of the workers differ.
        MissingExtraError: A package for a cluster, a store or STAC is not installed.
    """
    options = MosaicOptions(
        crs=crs, resolution=resolution, tile=tile, extent=extent, order=order, clouds=clouds,
        cloud_values=cloud_values, tta=tta, confidence=confidence, uncertainty=uncertainty,
        probabilities=probabilities, stac=stac, bands=bands, stretch=stretch,
    )  # fmt: skip
    names = [scenes] if isinstance(scenes, str | Path) else scenes
    tiles = []
    where = {"shard": shard, "scheduler": scheduler}
    for found in mosaic_tiles(names, output, model=model, options=options, progress=progress, **where):
        if isinstance(found, SmaltiError):
            raise found
        if isinstance(found, MosaicTile):
            tiles.append(found)
    out = _text(output)
    folder = made_in(out)
    address = f"{out.rstrip('/')}/{WHOLE}.vrt" if is_store(out) else ""
    return MosaicResult(folder, folder / f"{WHOLE}.vrt", tuple(tiles), address)


def _text(output: str | Path) -> str:
    return output if isinstance(output, str) else output.as_posix()


def mosaic_tiles(
    names: Sequence[SceneName],
    output: str | Path,
    *,
    model: AnyModel,
    options: MosaicOptions,
    shard: str | None = None,
    scheduler: str | None = None,
    progress: Show | None = None,
) -> Iterator[MosaicTile | MosaicWhole | SmaltiError]:
    """Makes one tile after the other; yields the result of each, or its error, and at last what shows all as one.

    Where scenes are unsuitable, one error for each is yielded, and no tile is made.
    """
    share = parse_shard(shard)
    out = _text(output)
    if scheduler is not None and is_store(out):
        text = "--scheduler makes the tiles of mosaics in folders; for an object store use --shard, or neither"
        raise OptionError(text, value=scheduler)
    home, net = home_of(out), opened(model)
    run = MosaicRun(home, net, options, progress, here=shard is None and scheduler is None)
    delivery = home.delivery(net, run.rasters, stac=options.stac)
    with nullcontext() if shard is None else home.alone():
        looks, failed = run.look_at(names)
        plan = None if failed else run.planned(looks)
    yield from failed
    if plan is None:
        return
    tasks = [run.task(plan, cell) for cell in share.of(plan.cells)]
    if shard is not None:
        Meter(progress, WHOLE, len(tasks)).say(f"shard {share}: {len(tasks)} of {count(len(plan.cells), 'tile')}")
    made = _made(run, tasks, delivery)
    if scheduler is not None:
        made = _on_cluster(scheduler, net, tasks, progress, partial(_described, run, delivery))
    for tile in made:
        yield tile
        if isinstance(tile, StoreError):  # it would refuse the next tile, too
            return
    try:
        yield _finish(run, home, plan, delivery, whole=shard is not None)
    except SmaltiError as error:
        yield error


def _made(run: MosaicRun, tasks: Sequence[TileTask], delivery: Delivery | None) -> Iterator[MosaicTile | SmaltiError]:
    """The tiles one after the other."""
    for k, task in enumerate(tasks, 1):
        title = f"{k}/{len(tasks)} {task.cell.name}"
        try:
            yield run.make(task, title) if delivery is None else run.deliver(task, title, delivery)
        except SmaltiError as error:
            yield error


def _finish(run: MosaicRun, home: Home, plan: Plan, delivery: Delivery | None, *, whole: bool) -> MosaicWhole:
    """Writes what shows all tiles as one: the virtual raster comes last."""
    with home.alone():
        joined = run.join(plan, whole=whole)
        if delivery is not None:
            delivery.finish({path.stem: _asset(path.name) for path in joined.written})
        home.bring(joined.written)
    return joined


def _asset(name: str) -> dict[str, Any]:
    """A virtual raster as an asset of the collection, which lies among the tiles."""
    return {"href": f"../{name}", "type": KINDS[".vrt"], "roles": ["data"]}


def _described(run: MosaicRun, delivery: Delivery | None, task: TileTask, tile: MosaicTile) -> MosaicTile:
    """A tile that a worker has made."""
    return tile if delivery is None else run.deliver(task, tile.path.name, delivery, tile)


def _on_cluster(
    scheduler: str,
    model: OpenModel,
    tasks: Sequence[TileTask],
    progress: Show | None,
    described: Callable[[TileTask, MosaicTile], MosaicTile],
) -> Iterator[MosaicTile | SmaltiError]:
    """The tiles, each by one worker; errors come last."""
    from smalti.workflows.on_cluster import OnCluster  # lazily: Dask is slow to import

    failed: list[SmaltiError] = []
    with OnCluster(scheduler, model) as cluster:
        given = [replace(task, model=cluster.model) for task in tasks]
        meter = Meter(progress, WHOLE, len(given), "tiles")
        for number, result in cluster.each(tile_task, given, meter, [task.cell.name for task in tasks]):
            if isinstance(result, MosaicTile):
                try:
                    yield described(tasks[number], result)
                except SmaltiError as error:
                    failed.append(error)
            else:
                failed.append(result)
    yield from failed
