"""`smalti _work`: a process of the app's server, which starts it; ends when its standard input is closed."""

import click

from smalti.cli.paths import GivenPath


@click.command(name="_work", hidden=True)
@click.argument("kind", type=click.Choice(["jobs", "overviews", "overview", "result"]))
@click.argument("folder", type=GivenPath())
@click.argument("names", nargs=-1)
def command(kind: str, folder: object, names: tuple[str, ...]) -> None:
    """Do the jobs of the app, build overviews of all that need them or of one file, or make one result."""
    from pathlib import Path

    from smalti.app.process import work

    work(kind, Path(str(folder)), names)
