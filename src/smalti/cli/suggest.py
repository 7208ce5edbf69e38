"""`smalti suggest`: where strokes would help most."""

from pathlib import Path

import click

from smalti.cli.bands import bands_option
from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import QuietVerb


@click.command(name="suggest", cls=QuietVerb)
@click.argument("scene")
@click.option("-o", "--output", "out", required=True, type=OutPath(), metavar="FILE",
              help="The windows: .gpkg, .geojson, .fgb or .parquet.")  # fmt: skip
@click.option("--project", type=GivenPath(file_okay=False), metavar="DIR", help="The project of `smalti teach`.")
@click.option("--model", metavar="MODEL", help="The model, such as your own.  [default: the project's, else landcover]")
@click.option("--minutes", type=click.FloatRange(0.34, 60), default=5.0, show_default=True, metavar="N",
              help="The time that you have: 20 seconds a window.")  # fmt: skip
@bands_option
def command(
    scene: str, out: Path, project: Path | None, model: str | None, minutes: float, bands: tuple[str, ...] | None
) -> None:
    """Find the windows of SCENE where strokes would help a model most.

    They are uncertain, unlike what is known, and unlike each other; the attribute `class` of each has its rank and the
    reasons.
    """
    from smalti.cli.progress import Bars  # imports what `--help` does not need
    from smalti.workflows.suggest import suggest

    with Bars() as bars:
        done = suggest(scene, out, project=project, model=model, bands=bands, minutes=minutes, progress=bars)
    click.echo(str(done))
