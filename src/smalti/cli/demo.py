"""`smalti demo`: the whole way once, from nothing to a scored map."""

from pathlib import Path

import click

from smalti.cli.out_path import OutPath
from smalti.cli.verb import Verb


@click.command(name="demo", cls=Verb)
@click.argument("out", type=OutPath(file_okay=False), default="demo")
@click.option("--size", type=click.IntRange(32), default=2048, show_default=True, help="Height and width in pixels.")
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="Another seed, another town.")
@click.pass_context
def command(ctx: click.Context, out: Path, size: int, seed: int) -> None:
    """Draw a scene, map it with the bundled model, score the map against the exact truth, and show all of it.

    Everything lies in the folder OUT afterwards; open OUT/report.html first.
    """
    from smalti.cli.showing import show  # imports what `--help` does not need

    ctx.exit(show(out, size, seed))
