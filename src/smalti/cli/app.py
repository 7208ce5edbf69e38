"""`smalti app`: the app in a window of its own."""

from pathlib import Path

import click

from smalti.cli.paths import GivenPath
from smalti.cli.verb import QuietVerb


@click.command(name="app", cls=QuietVerb)
@click.argument("scene", required=False, type=GivenPath(exists=True))
@click.option(
    "--root", "roots", multiple=True, type=GivenPath(exists=True, file_okay=False), metavar="DIR",
    help="A folder whose images may be opened; by default the user's home.",
)  # fmt: skip
@click.option("--data", type=GivenPath(), metavar="DIR", help="Where scenes and maps are kept.")
@click.option("--no-window", is_flag=True, help="Only print the address.")
def command(scene: Path | None, roots: tuple[Path, ...], data: Path | None, no_window: bool) -> None:
    """Open the app in a window: look at scenes, map them, look at maps.

    SCENE, an image or a folder of images, is shown at once; what lies beside it may be opened, too.

    It serves this machine only, with a new token each time. A closed window ends it; its jobs go on next time.
    """
    from smalti.app.cores import multiply_alone

    multiply_alone()  # before what follows imports NumPy
    from smalti.app.limits import Limits
    from smalti.app.start import Start, open_app

    beside = () if scene is None else (scene.absolute().parent,)
    start = Start("127.0.0.1", 0, (*(roots or (Path.home(),)), *beside), data, limits=Limits(keep_days=0))
    open_app(start, scene=scene, window=not no_window, say=click.echo)
