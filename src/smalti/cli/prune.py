"""`smalti prune`: a net with fewer channels, to be trained further."""

from pathlib import Path

import click

from smalti.cli.paths import OutPath
from smalti.cli.verb import Verb


@click.command("prune", cls=Verb)
@click.argument("model")
@click.option("-o", "--output", "out", required=True, type=OutPath(file_okay=False), metavar="FOLDER",
              help="The checkpoint to write.")  # fmt: skip
@click.option("--faster", type=click.FloatRange(1, 100, min_open=True), default=1.5, show_default=True, metavar="TIMES",
              help="How many times as fast it is to be in 8-bit integers.")  # fmt: skip
@click.option("--images", multiple=True, metavar="IMAGES",
              help="Images like those that it is meant for; repeatable.  [default: drawn scenes]")  # fmt: skip
def command(model: str, out: Path, faster: float, images: tuple[str, ...]) -> None:
    """Take channels out of MODEL, the folder of a checkpoint, a name or an .onnx file.

    Those go first on which its predictions depend least for the time they take on this machine. Its maps are worse
    until it is trained further, by a recipe of the same net that starts from FOLDER; [distill] with MODEL as the
    teacher helps most. Then smalti shrink makes 8-bit integers of it.
    """
    from smalti.cli.progress import Lines  # imports what `--help` does not need
    from smalti.workflows.prune import prune

    with Lines(err=True) as lines:
        done = prune(model, out, faster=faster, images=images, progress=lines)
    click.echo(str(done))
