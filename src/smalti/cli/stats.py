"""`smalti stats`: areas of classes per polygon."""

from pathlib import Path

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import QuietVerb


@click.command(name="stats", cls=QuietVerb)
@click.argument("maps", nargs=-1, required=True)
@click.argument("zones", type=GivenPath())
@click.option("-o", "--output", "out", type=OutPath(), metavar="FILE",
              help="Write the table: .csv, .json, or .gpkg with the polygons.")  # fmt: skip
@click.option("--layer", metavar="NAME", help="The layer of ZONES with the polygons, if it has several.")
def command(maps: tuple[str, ...], zones: Path, out: Path | None, layer: str | None) -> None:
    """Measure the hectares of each class of MAPS in each polygon of ZONES.

    MAPS are class maps, or rasters of values (mean, minimum, maximum and sum): files, folders, quoted globs or URLs.
    ZONES is a vector file, in any CRS. Pixels on the border of a polygon count by the share of them that lies inside.
    Where maps overlap, the last one with a valid pixel counts.
    """
    from smalti.cli.progress import Bars
    from smalti.text import count
    from smalti.workflows.stats import stats

    with Bars() as bars:
        found = stats(maps, zones, out, layer=layer, progress=bars)
    click.echo(f"{out}: {count(len(found), 'zone')}, {count(len(found.maps), 'map')}" if out else str(found))
