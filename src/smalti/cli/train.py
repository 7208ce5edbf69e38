"""`smalti train`: a network by a recipe."""

from pathlib import Path

import click


@click.command(name="train")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.toml")
@click.option("--set", "changes", multiple=True, metavar="A.B=C", help="Change a setting of the recipe; repeatable.")
@click.option("--resume", is_flag=True, help="Go on with what lies in OUT even if the recipe has changed since.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where to write.  [default: runs/NAME]")
def command(recipe: Path, changes: tuple[str, ...], resume: bool, out: Path | None) -> None:
    """Train a network by a recipe.

    A training that was killed goes on where it was when the same command is given again. Checkpoints lie in OUT/best
    and OUT/last, records in OUT/records.csv and OUT/tensorboard.
    """
    try:
        import lightning.fabric  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        from smalti.errors import MissingExtraError

        raise MissingExtraError(error.name or "torch", "train") from None
    from smalti.cli.training_run import train

    train(recipe, changes, resume, out)
