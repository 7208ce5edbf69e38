"""`smalti pretrain`: trains an encoder by image classification, or from images without labels."""

from pathlib import Path

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.train import make_ready
from smalti.cli.verb import Verb


@click.command(name="pretrain", cls=Verb)
@click.argument("recipe", type=GivenPath(), metavar="RECIPE.toml")
@click.option("--kind", type=click.Choice(["images", "selfsupervised"]), help="Refuse a recipe of another kind.")
@click.option("--set", "changes", multiple=True, metavar="A.B=C", help="Change a setting of the recipe; repeatable.")
@click.option("--resume", is_flag=True, help="Resume what is in OUT even if the recipe has changed since.")
@click.option("--out", type=OutPath(), metavar="DIR", help="Where to write.  [default: runs/NAME]")
def command(recipe: Path, kind: str | None, changes: tuple[str, ...], resume: bool, out: Path | None) -> None:
    """Train an encoder for other recipes, by image classification or without labels.

    A recipe of kind images has one task of classes, for ImageNet or any folder of the same layout. One of kind
    selfsupervised needs only images: parts of them are hidden, and predicted from the rest. A run that was killed
    resumes when the same command is given again. At the end, OUT/encoder.safetensors has the weights for
    `net.encoder_weights` of other recipes.
    """
    make_ready()
    from smalti.cli.progress import Lines
    from smalti.workflows import training_run

    with Lines() as lines:
        done = training_run.pretrain(recipe, changes, out, kind=kind, resume=resume, show=lines)
    click.echo(done.run.table)
    if done.weights is not None:
        click.echo(f'\nnext: in a recipe, [net] encoder = "{done.encoder}", width = {done.width:g} and')
        click.echo(f'encoder_weights = "{done.weights.resolve()}"')
