"""`smalti recipes`: the recipes that come with the program, as files."""

from pathlib import Path

import click

from smalti.cli.paths import OutPath
from smalti.cli.verb import Verb


@click.command(name="recipes", cls=Verb)
@click.argument("folder", type=OutPath(file_okay=False), default="recipes")
def command(folder: Path) -> None:
    """Write the recipes that come with Smalti into FOLDER, to train by, or to copy and change.

    The first line of each is the command that runs it. A recipe in FOLDER that was changed is never replaced.
    """
    from smalti.workflows.recipes import write_recipes

    for path in write_recipes(folder):
        click.echo(path)
