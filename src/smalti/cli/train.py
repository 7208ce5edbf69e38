"""`smalti train`: trains a network from a recipe."""

import io
import os
from contextlib import redirect_stdout
from pathlib import Path

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import Verb


@click.command(name="train", cls=Verb)
@click.argument("recipe", type=GivenPath(), metavar="RECIPE.toml")
@click.option("--set", "changes", multiple=True, metavar="A.B=C", help="Change a setting of the recipe; repeatable.")
@click.option("--resume", is_flag=True, help="Resume what is in OUT even if the recipe has changed since.")
@click.option("--find-lr", is_flag=True, help="Only try learning rates and suggest one; no training.")
@click.option("--show-batches", is_flag=True, help="Only draw the first windows, augmented, to OUT/batches.png.")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="A.B=C,...",
    help="Train with these changes, in a folder of its own; repeatable.",
)
@click.option("--seeds", metavar="0,1,2", help="Train (each variant) with each of these seeds.")
@click.option("--out", type=OutPath(), metavar="DIR", help="Where to write.  [default: runs/NAME]")
def command(
    *,
    recipe: Path,
    changes: tuple[str, ...],
    resume: bool,
    find_lr: bool,
    show_batches: bool,
    variants: tuple[str, ...],
    seeds: str | None,
    out: Path | None,
) -> None:
    """Train a network from a recipe.

    A training that was killed resumes when the same command is given again. Checkpoints are written to OUT/best and
    OUT/last, records to OUT/records.csv and OUT/tensorboard. Variants and seeds are written to OUT/VARIANT; finished
    ones are skipped, and a table of all is printed at the end.
    """
    if sum((resume, find_lr, show_batches, bool(variants or seeds))) > 1:
        raise click.UsageError("--resume, --find-lr, --show-batches and --variant or --seeds exclude each other")
    make_ready()
    from smalti.cli.progress import Lines
    from smalti.text import count
    from smalti.training.sweep import plan
    from smalti.workflows import training_run

    with Lines() as lines:
        if find_lr:
            search = training_run.find_rate(recipe, changes, out, show=lines)
            click.echo("\n".join(search.lines))
            click.echo(f"the curve: {search.page}")
        elif show_batches:
            sheet, windows = training_run.show_batches(recipe, changes, out)
            click.echo(f"{sheet}: the first {count(windows, 'window')}")
        elif variants or seeds:
            planned = plan(variants, _numbers(seeds))
            table = training_run.train_variants(recipe, changes, planned, out, show=lines, done=click.echo)
            click.echo(f"\n{table}")
        else:
            run = training_run.train(recipe, changes, out, resume=resume, show=lines)
            click.echo(run.table)
            click.echo(f"\nnext: smalti export {run.best} {run.name}.onnx")


def make_ready() -> None:
    """MissingExtraError where training is not installed; of several processes only the first one prints."""
    from smalti.workflows.train import need_training

    need_training()
    if int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))):
        click.get_current_context().with_resource(redirect_stdout(io.StringIO()))


def _numbers(seeds: str | None) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")] if seeds else []
    except ValueError:
        raise click.UsageError(f"--seeds {seeds}: expected whole numbers with commas, for example 0,1,2") from None
