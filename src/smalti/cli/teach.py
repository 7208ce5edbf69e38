"""`smalti teach`: strokes become a model of the user's own."""

from pathlib import Path

import click

from smalti.cli.bands import bands_option
from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import QuietVerb


def _classes(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, list[str]] | None:
    """Each `NEW=OLD,OLD` as the name of a class and those that it takes over."""
    found = {}
    for text in given:
        name, equals, taken = text.partition("=")
        if not name.strip() or not equals:
            raise click.BadParameter(f"{text!r} is not NEW=OLD,OLD, or NEW= for a new class")
        if name.strip() in found:
            raise click.BadParameter(f"class {name.strip()} is given twice; state all that it takes over at once")
        found[name.strip()] = [each.strip() for each in taken.split(",") if each.strip()]
    return found or None


@click.command(name="teach", cls=QuietVerb)
@click.argument("project", type=GivenPath(file_okay=False))
@click.option("-o", "--output", "out", required=True, type=OutPath(), metavar="OWN.onnx", help="The model to write.")
@click.option("--add", nargs=2, multiple=True, metavar="SCENE STROKES",
              help="Add a scene and a file of strokes on it; repeatable.")  # fmt: skip
@click.option("--model", metavar="MODEL", help="The model to start from.  [default: the project's, else landcover]")
@click.option("--class", "classes", multiple=True, callback=_classes, metavar="NEW=OLD,OLD",
              help="Rename, merge or split classes, or add one with NEW=; repeatable.")  # fmt: skip
@click.option("--deep", is_flag=True, help="Teach the network's decoder too, which takes minutes and needs torch.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=10, show_default=True,
              help="About how long a deep lesson takes at most.")  # fmt: skip
@bands_option
def command(
    project: Path,
    out: Path,
    add: tuple[tuple[str, str], ...],
    model: str | None,
    classes: dict[str, list[str]] | None,
    bands: tuple[str, ...] | None,
    deep: bool,
    minutes: float,
) -> None:
    """Teach a model your place with a few strokes, in a second.

    PROJECT is a folder that keeps the strokes of all scenes; without --add all of them are learned again. STROKES are
    points, lines or polygons with the attribute `class` (.gpkg, .geojson, .fgb), or a raster of class ids. Paint where
    the map is wrong, and some places where it is right.

    The model that is written maps like any other: smalti map SCENE -o MAP.tif --model OWN.onnx.
    """
    from smalti.cli.progress import Bars  # imports what `--help` does not need
    from smalti.workflows.teach import teach

    with Bars() as bars:
        done = teach(
            project, out, add=add, model=model, classes=classes, bands=bands, deep=deep, minutes=minutes, progress=bars
        )
    click.echo(str(done))
