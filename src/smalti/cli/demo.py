"""`smalti demo`: all steps once, from a drawn scene to a scored map, and the map of a real image."""

from pathlib import Path

import click

from smalti.cli.map import print_result
from smalti.cli.paths import OutPath
from smalti.cli.verb import QuietVerb


@click.command(name="demo", cls=QuietVerb)
@click.argument("out", type=OutPath(file_okay=False), default="demo")
@click.option("--size", type=click.IntRange(32), default=2048, show_default=True, help="Height and width in pixels.")
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="Another seed, another town.")
def command(out: Path, size: int, seed: int) -> None:
    """Draw a scene, map it with the bundled model, score the map against the exact ground truth, and write a report.

    A real image is mapped as well. Everything is written to the folder OUT; open OUT/report.html first.
    """
    show(out, size, seed)


def show(out: Path, size: int, seed: int, model: str = "landcover") -> None:
    """Makes everything and lists the files."""
    from smalti.cli.progress import Bars  # imports what `--help` does not need
    from smalti.workflows.demo import FILES, demo

    with Bars() as bars:
        done = demo(out, size=size, seed=seed, model=model, progress=bars)
    print_result(done.map)
    click.echo(f"\n{done.evaluation}\n")
    width = max(map(len, FILES))
    for name, what in FILES.items():
        click.echo(f"{out / name!s:<{len(str(out)) + 1 + width}}  {what}")
