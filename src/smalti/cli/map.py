"""`smalti map`: scenes become class maps."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from smalti.cli.bands import bands
from smalti.cli.resolution import resolution
from smalti.cli.verb import QuietVerb
from smalti.errors import exit_code
from smalti.text import count

if TYPE_CHECKING:
    from smalti.workflows.map import MapResult


def _stretch(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A range of values or percentiles."""
    from smalti.errors import OptionError
    from smalti.raster.stretch import parse_stretch

    try:
        if value is not None:
            parse_stretch(value)
    except OptionError as error:
        raise click.BadParameter(str(error)) from None
    return value


def _engine(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The name of an available engine."""
    from smalti.errors import OptionError
    from smalti.runtime.open import find_engine

    try:
        find_engine(value)
    except OptionError as error:
        raise click.BadParameter(str(error)) from None
    return value


_MODEL = "A name from `smalti models`, an .onnx file, or the folder of a checkpoint."
_ENGINE = "Default: ONNX Runtime; NAME is one that an installed package registers."
_UNCERTAINTY = "Also write OUT_uncertainty.tif: how probable it is that the class is wrong, calibrated."
_SCHEDULER = "Map on the workers of a Dask scheduler, or on N processes of this machine; one scene as strips."
_STRETCH = "Make bytes of this range: values, or percentiles of the whole scene, as 2%,98%."
_POLYGONS = "Also write polygons: .gpkg, .parquet, .geojson or .fgb; for several scenes give only the ending."


@click.command(name="map", cls=QuietVerb)
@click.argument("scene", nargs=-1, required=True)
@click.option("-o", "--output", "out", required=True, metavar="OUT", help="A .tif file; for several scenes a folder.")
@click.option("--model", default="landcover", show_default=True, help=_MODEL)
@click.option("--tta", is_flag=True, help="Average over flips and quarter turns: eight times the work.")
@click.option(
    "--confidence", is_flag=True, help="Also write OUT_confidence.tif: the probability of the predicted class."
)
@click.option("--uncertainty", is_flag=True, help=_UNCERTAINTY)
@click.option("--probabilities", is_flag=True, help="Also write OUT_probabilities.tif: one band per class.")
@click.option("--cog", is_flag=True, help="Write Cloud Optimized GeoTIFFs.")
@click.option("--polygons", metavar="FILE", help=_POLYGONS)
@click.option("--min-area", type=click.FloatRange(0), default=0.0, metavar="M2", help="Smallest polygon, in m².")
@click.option("--report", is_flag=True, help="Also write OUT.html: a page about the map.")
@resolution
@click.option("--bands", callback=bands, metavar="LIST", help="Bands for the model, by name or number: 3,2,1.")
@click.option("--stretch", callback=_stretch, metavar="LOW,HIGH", help=_STRETCH)
@click.option("--mosaic", is_flag=True, help="Read all scenes as one: files on one grid make one map.")
@click.option("--shard", metavar="I/N", help="Map only every N-th scene, from number I on: 0/8 to 7/8 are all.")
@click.option("--scheduler", metavar="ADDRESS|local[:N]", help=_SCHEDULER)
@click.option("--engine", callback=_engine, default="auto", metavar="auto|onnx|openvino|NAME", help=_ENGINE)
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of the engine; by default one per core.")
def command(
    scene: tuple[str, ...],
    out: str,
    mosaic: bool,
    shard: str | None,
    scheduler: str | None,
    model: str,
    engine: Any,
    threads: int | None,
    **options: Any,
) -> None:
    """Turn scenes into class maps.

    SCENE is a file, a folder, a quoted glob or a URL. A run that was killed resumes when the same command is given
    again.
    """
    from smalti.cli.progress import Bars  # imports what `--help` does not need
    from smalti.workflows.map import MapResult, map_many
    from smalti.workflows.map_options import MapOptions
    from smalti.workflows.models import open_model

    codes: set[int] = set()
    with Bars() as bars:
        opened = partial(open_model, model, engine, threads=threads)
        asked = MapOptions(**options)
        where: dict[str, Any] = {"mosaic": mosaic, "shard": shard, "scheduler": scheduler}
        for found in map_many(scene, out, model=opened, options=asked, progress=bars, **where):
            bars.close()
            if isinstance(found, MapResult):
                print_result(found)
            else:
                click.echo(f"smalti: {found}", err=True)
                codes.add(exit_code(found))
    if codes:
        sys.exit(codes.pop() if len(codes) == 1 else 1)


def print_result(done: "MapResult") -> None:
    """Prints a line for each file."""
    if done.summary is not None:
        size, speed = f"{done.summary.pixels / 1e6:.1f} MPix", f"{done.summary.megapixels_per_second:.1f} MPix/s"
        took = f": {size} in {done.summary.seconds:.1f} s, {speed}" if done.summary.pixels else ""
        click.echo(f"{done.path}{took}")
        for raster, product in done.products.items():
            if raster != done.path:
                click.echo(f"{raster}: {', '.join(product.bands)}")
    if done.polygons:
        click.echo(f"{done.polygons}: {count(done.polygon_count, 'polygon')}")
    if done.page:
        click.echo(done.page)
