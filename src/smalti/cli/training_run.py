"""What `smalti train` does, once torch is known to be there."""

from pathlib import Path

import click
from pydantic import ValidationError

from smalti.errors import RecipeError
from smalti.jobs import hold
from smalti.training.checkpoint import load_state
from smalti.training.loop import begin
from smalti.training.recipe import read_recipe
from smalti.training.settings import Recipe


def train(path: Path, changes: tuple[str, ...], resume: bool, out: Path | None) -> None:
    """Trains by a recipe and prints the scores of the best checkpoint."""
    recipe = read_recipe(path, changes)
    card = recipe.make_card(path.name)
    folder = out or Path("runs") / card.name
    with hold(folder):
        _check_same(recipe, folder, resume)
        training = begin(recipe, card, folder)
        click.echo("\n".join(training.work.introduction()))
        click.echo(f"checkpoints in {folder}/best and {folder}/last")
        for warning in training.work.warnings():
            click.echo(f"smalti: warning: {warning}", err=True)
        if training.progress.step:
            click.echo(f"going on from step {training.progress.step}")
        training.run(lambda text: click.echo(text, nl=False))
        click.echo(training.work.conclude(folder / "best").text)
        click.echo(f"\nnext: smalti export {folder}/best {card.name}.onnx")


def _check_same(recipe: Recipe, folder: Path, resume: bool) -> None:
    """RecipeError if the folder holds a training by another recipe, or none where one should go on."""
    state = load_state(folder / "last")
    if state is None and resume:
        raise RecipeError(f"--resume: {folder} holds no training to go on with; leave --resume away to begin one")
    if state is not None and not resume and not _same(recipe, state["recipe"]):
        raise RecipeError(
            f"{folder} holds a training by other settings; give another --out, or --resume to go on with these"
        )


def _same(recipe: Recipe, written: str) -> bool:
    """Whether a recipe that was written down says the same; settings that it had not yet are at their defaults."""
    try:
        return type(recipe).model_validate_json(written) == recipe
    except ValidationError:
        return False
