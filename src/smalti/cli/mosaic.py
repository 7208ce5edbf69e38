"""`smalti mosaic`: many scenes become one map."""

import sys
from typing import TYPE_CHECKING, Any

import click

from smalti.cli import model_options
from smalti.cli.bands import bands_option
from smalti.cli.verb import QuietVerb
from smalti.errors import exit_code
from smalti.text import count

if TYPE_CHECKING:
    from smalti.workflows.mosaic_run import MosaicWhole


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Numbers in a list with commas."""
    try:
        return None if value is None else tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers with commas") from None


def _whole(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Whole numbers in a list with commas."""
    try:
        return None if value is None else tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of whole numbers with commas") from None


_CRS = "A projected CRS of the map, as EPSG:32633; by default that of all scenes."
_METRES = "Pixel size of the map and for the network; by default that of all scenes."
_TILE = "Side of a tile: pixels, or kilometres as 10km."
_EXTENT = "Only tiles that touch this: LEFT,BOTTOM,RIGHT,TOP in the map's CRS."
_ORDER = "The scene on top: the last one given, the last one taken, or the one with the largest clear share."
_CLOUDS = "Pixels to skip: a band of each scene, or a file named after it, as {}_clouds.tif."
_SCHEDULER = "Make tiles on the workers of a Dask scheduler, or on N processes of this machine."
_VALUES = "Values of the cloud mask that are clouds; by default all but 0."


@click.command(name="mosaic", cls=QuietVerb)
@click.argument("scenes", nargs=-1, required=True)
@click.option("-o", "--output", "out", required=True, metavar="FOLDER", help="A folder, or s3://BUCKET/PREFIX.")
@model_options.which
@click.option("--crs", help=_CRS)
@click.option("--resolution", type=click.FloatRange(0, min_open=True), metavar="M", help=_METRES)
@click.option("--tile", default="8192", show_default=True, metavar="SIDE", help=_TILE)
@click.option("--extent", callback=_numbers, metavar="L,B,R,T", help=_EXTENT)
@click.option("--order", type=click.Choice(["given", "newest", "clearest"]), default="given", show_default=True,
              help=_ORDER)  # fmt: skip
@click.option("--clouds", metavar="BAND|NAME", help=_CLOUDS)
@click.option("--cloud-values", callback=_whole, metavar="LIST", help=_VALUES)
@click.option("--tta", is_flag=True, help="Average over flips and quarter turns: two to eight times the work.")
@click.option("--confidence", is_flag=True, help="Also write the probability of the predicted class.")
@click.option("--uncertainty", is_flag=True, help="Also write how probable it is that the class is wrong, calibrated.")
@click.option("--probabilities", is_flag=True, help="Also write one band per class.")
@click.option("--stac", is_flag=True, help="Also describe the tiles by STAC, as those in object stores always are.")
@bands_option
@click.option("--stretch", callback=model_options.stretch, metavar="LOW,HIGH", help=model_options.STRETCH)
@click.option("--shard", metavar="I/N", help="Make only every N-th tile, from number I on: 0/8 to 7/8 are all.")
@click.option("--scheduler", metavar="ADDRESS|local[:N]", help=_SCHEDULER)
@model_options.engine
def command(
    scenes: tuple[str, ...],
    out: str,
    model: str,
    fast: bool,
    shard: str | None,
    scheduler: str | None,
    engine: Any,
    threads: int | None,
    **options: Any,
) -> None:
    """Turn many overlapping scenes into one map, as tiles on one grid.

    SCENES are files, folders, quoted globs or URLs. FOLDER/tiles gets a Cloud Optimized GeoTIFF per tile, and
    FOLDER/mosaic.vrt is the whole map. A run that was killed resumes when the same command is given again; with more
    scenes, only the tiles that they touch are made again.
    """
    from smalti.cli.progress import Bars
    from smalti.errors import SmaltiError
    from smalti.workflows.models import open_model
    from smalti.workflows.mosaic import mosaic_tiles
    from smalti.workflows.mosaic_options import MosaicOptions
    from smalti.workflows.mosaic_run import MosaicWhole

    codes: set[int] = set()
    asked = MosaicOptions(**options)
    opened = open_model(model_options.form(model, fast), engine, threads=threads)
    with Bars() as bars:
        where = {"shard": shard, "scheduler": scheduler}
        for found in mosaic_tiles(scenes, out, model=opened, options=asked, progress=bars, **where):
            bars.close()
            if isinstance(found, SmaltiError):
                click.echo(f"smalti: {found}", err=True)
                codes.add(exit_code(found))
            elif isinstance(found, MosaicWhole):
                _tell_whole(found, out.rstrip("/"))
            elif found.summary is not None:
                speed = f"{found.summary.seconds:.1f} s, {found.summary.megapixels_per_second:.1f} MPix/s"
                click.echo(f"{found.address or found.path}: {count(found.scenes, 'scene')}, {speed}")
    if codes:
        sys.exit(codes.pop() if len(codes) == 1 else 1)


def _tell_whole(whole: "MosaicWhole", place: str) -> None:
    """The virtual raster if it was written, else what it waits for."""
    if whole.written:
        click.echo(f"{place}/{whole.written[0].name}")
    else:
        click.echo(f"{place}/mosaic.vrt: not written yet; it waits for {count(whole.missing, 'more tile')}", err=True)
