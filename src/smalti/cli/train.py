"""`smalti train`: a network by a recipe."""

import io
import os
from contextlib import redirect_stdout
from pathlib import Path

import click

from smalti.cli.out_path import OutPath


@click.command(name="train")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.toml")
@click.option("--set", "changes", multiple=True, metavar="A.B=C", help="Change a setting of the recipe; repeatable.")
@click.option("--resume", is_flag=True, help="Go on with what lies in OUT even if the recipe has changed since.")
@click.option("--find-lr", is_flag=True, help="Only try learning rates and suggest one; no training.")
@click.option("--show-batches", is_flag=True, help="Only draw the first windows, augmented, to OUT/batches.png.")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="A.B=C,...",
    help="Train with these changes, in a folder of its own; repeatable, one after the other.",
)
@click.option("--seeds", metavar="0,1,2", help="Train (each variant) with each of these seeds.")
@click.option("--out", type=OutPath(), metavar="DIR", help="Where to write.  [default: runs/NAME]")
def command(
    recipe: Path,
    changes: tuple[str, ...],
    resume: bool,
    find_lr: bool,
    show_batches: bool,
    variants: tuple[str, ...],
    seeds: str | None,
    out: Path | None,
) -> None:
    """Train a network by a recipe.

    A training that was killed goes on where it was when the same command is given again. Checkpoints lie in OUT/best
    and OUT/last, records in OUT/records.csv and OUT/tensorboard. Variants and seeds lie in OUT/VARIANT; those that are
    finished are not trained again, and a table of all comes last.
    """
    if sum((resume, find_lr, show_batches, bool(variants or seeds))) > 1:
        raise click.UsageError("--resume, --find-lr, --show-batches and --variant or --seeds exclude each other")
    make_ready()
    from smalti.cli import training_run
    from smalti.training.sweep import plan

    if find_lr:
        training_run.find_rate(recipe, changes, out)
    elif show_batches:
        training_run.show_batches(recipe, changes, out)
    elif variants or seeds:
        training_run.train_variants(recipe, changes, plan(variants, _numbers(seeds)), out)
    else:
        training_run.train(recipe, changes, resume, out)


def make_ready() -> None:
    """MissingExtraError where training is not installed; of several processes only the first one will speak."""
    try:
        import lightning.fabric  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        from smalti.errors import MissingExtraError

        raise MissingExtraError(error.name or "torch", "train") from None
    if int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))):
        click.get_current_context().with_resource(redirect_stdout(io.StringIO()))


def _numbers(seeds: str | None) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")] if seeds else []
    except ValueError:
        raise click.UsageError(f"--seeds {seeds}: expected whole numbers with commas, for example 0,1,2") from None
