"""`smalti map`: scenes become class maps."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from smalti.cli import model_options
from smalti.cli.bands import bands, bands_option
from smalti.cli.resolution import resolution
from smalti.cli.verb import QuietVerb
from smalti.errors import exit_code
from smalti.text import count

if TYPE_CHECKING:
    from smalti.workflows.map_result import MapResult


def _bbox(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Numbers with commas."""
    try:
        return None if value is None else tuple(float(side) for side in value.split(","))
    except ValueError:
        expected = "WEST,SOUTH,EAST,NORTH in degrees, such as 13.1,52.3,13.7,52.7"
        raise click.BadParameter(f"{value}; expected {expected}") from None


_UNCERTAINTY = "Also write OUT_uncertainty.tif: how probable it is that the class is wrong, calibrated."
_SCHEDULER = "Map on the workers of a Dask scheduler, or on N processes of this machine; one scene as strips."
_BBOX = "Of a STAC catalogue, only items that meet this rectangle of degrees."
_DATETIME = "Of a STAC catalogue, only items of this time: 2024-06-30, 2024-06, 2024-06-01/2024-08-31."
_ASSETS = "The file of a STAC item by its name, or several with a band each: red,green,blue."
_WHERE = "Only STAC items with this property: 'eo:cloud_cover<10'; may be repeated."
_POLYGONS = "Also write polygons: .gpkg, .parquet, .geojson or .fgb; for several scenes give only the ending."


@click.command(name="map", cls=QuietVerb)
@click.argument("scene", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    metavar="OUT",
    help="A .tif file; for several scenes a folder; or s3://BUCKET/PREFIX.",
)
@model_options.which
@click.option("--tta", is_flag=True, help="Average over flips and quarter turns: two to eight times the work.")
@click.option(
    "--confidence", is_flag=True, help="Also write OUT_confidence.tif: the probability of the predicted class."
)
@click.option("--uncertainty", is_flag=True, help=_UNCERTAINTY)
@click.option("--probabilities", is_flag=True, help="Also write OUT_probabilities.tif: one band per class.")
@click.option("--cog", is_flag=True, help="Write Cloud Optimized GeoTIFFs.")
@click.option("--polygons", metavar="FILE", help=_POLYGONS)
@click.option("--min-area", type=click.FloatRange(0), default=0.0, metavar="M2", help="Smallest polygon, in m².")
@click.option("--report", is_flag=True, help="Also write OUT.html: a page about the map.")
@click.option("--stac", is_flag=True, help="Also describe the maps by STAC, as those in object stores always are.")
@resolution
@bands_option
@click.option("--stretch", callback=model_options.stretch, metavar="LOW,HIGH", help=model_options.STRETCH)
@click.option("--mosaic", is_flag=True, help="Read all scenes as one: files on one grid make one map.")
@click.option("--bbox", callback=_bbox, metavar="W,S,E,N", help=_BBOX)
@click.option("--datetime", metavar="TIME", help=_DATETIME)
@click.option("--assets", callback=bands, metavar="LIST", help=_ASSETS)
@click.option("--where", multiple=True, metavar="CONDITION", help=_WHERE)
@click.option("--shard", metavar="I/N", help="Map only every N-th scene, from number I on: 0/8 to 7/8 are all.")
@click.option("--scheduler", metavar="ADDRESS|local[:N]", help=_SCHEDULER)
@model_options.engine
def command(
    scene: tuple[str, ...],
    out: str,
    mosaic: bool,
    shard: str | None,
    scheduler: str | None,
    model: str,
    fast: bool,
    engine: Any,
    threads: int | None,
    bbox: tuple[float, ...] | None,
    datetime: str | None,
    assets: tuple[str, ...] | None,
    where: tuple[str, ...],
    **options: Any,
) -> None:
    """Turn scenes into class maps.

    SCENE is a file, a folder, a quoted glob, a URL, an object (s3://, gs://, az://), or a STAC item, collection or API.
    A run that was killed resumes when the same command is given
    again.
    """
    from smalti.cli.progress import Bars  # imports what `--help` does not need
    from smalti.remote.query import Query
    from smalti.workflows.map import map_many
    from smalti.workflows.map_options import MapOptions
    from smalti.workflows.map_result import MapResult
    from smalti.workflows.models import open_model

    codes: set[int] = set()
    with Bars() as bars:
        opened = partial(open_model, model_options.form(model, fast), engine, threads=threads)
        asked = MapOptions(**options)
        query = Query(bbox=bbox, datetime=datetime, assets=assets, where=where)
        given: dict[str, Any] = {"mosaic": mosaic, "options": asked, "shard": shard, "query": query}
        given["scheduler"] = scheduler
        for found in map_many(scene, out, model=opened, progress=bars, **given):
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
    shown = dict(zip(done.paths, done.addresses or done.paths, strict=True))
    if done.summary is not None:
        size, speed = f"{done.summary.pixels / 1e6:.1f} MPix", f"{done.summary.megapixels_per_second:.1f} MPix/s"
        took = f": {size} in {done.summary.seconds:.1f} s, {speed}" if done.summary.pixels else ""
        click.echo(f"{shown[done.path]}{took}")
        for raster, product in done.products.items():
            if raster != done.path:
                click.echo(f"{shown[raster]}: {', '.join(product.bands)}")
    if done.polygons:
        click.echo(f"{shown[done.polygons]}: {count(done.polygon_count, 'polygon')}")
    if done.page:
        click.echo(shown[done.page])
