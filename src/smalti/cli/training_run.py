"""What `smalti train` does, once torch is known to be there."""

from contextlib import nullcontext
from pathlib import Path

import click
from pydantic import ValidationError

from smalti.errors import RecipeError
from smalti.files import deliver
from smalti.lock import hold
from smalti.report.lr_range_page import write_lr_range_page
from smalti.text import count
from smalti.training import lr_range
from smalti.training.basis import changes
from smalti.training.checkpoint import load_state, sweep_checkpoint
from smalti.training.distributed import launch
from smalti.training.kinds.images.pretraining import read_pretraining, write_encoder
from smalti.training.loop import begin
from smalti.training.memory import memory_explained
from smalti.training.recipe import open_work, read_recipe
from smalti.training.settings import Recipe
from smalti.training.sweep import Variant, read_scores, score_table, write_scores


def train(path: Path, changes: tuple[str, ...], resume: bool, out: Path | None) -> None:
    """Trains by a recipe and prints the scores of the best checkpoint."""
    recipe = read_recipe(path, changes)
    folder = out or Path("runs") / recipe.card.name
    _train(recipe, path.name, folder, resume)
    click.echo(f"\nnext: smalti export {folder}/best {recipe.card.name}.onnx")


def pretrain(path: Path, changes: tuple[str, ...], resume: bool, out: Path | None) -> None:
    """Trains a classifier by a recipe, and writes its encoder as weights that other recipes take."""
    recipe = read_pretraining(path, changes)
    folder = out or Path("runs") / recipe.card.name
    if not _train(recipe, path.name, folder, resume):
        return  # the first process writes
    encoder = write_encoder(folder)
    click.echo(f'\nnext: in a recipe, [net] encoder = "{recipe.net.encoder}", width = {recipe.net.width:g} and')
    click.echo(f'encoder_weights = "{encoder.resolve()}"')


def train_variants(path: Path, settings: tuple[str, ...], variants: list[Variant], out: Path | None) -> None:
    """Trains each variant in a folder of its own; those that are finished are only told about. One table at the end."""
    recipes = [read_recipe(path, (*settings, *variant.changes)) for variant in variants]  # all of them can be read
    results = []
    for variant, recipe in zip(variants, recipes, strict=True):
        folder = (out or Path("runs") / recipe.card.name) / variant.name
        scores = read_scores(folder, recipe.model_dump_json())
        if scores is not None:  # of these very data?
            changes(load_state(folder / "last"), open_work(recipe, recipe.make_card(path.name)), folder, resume=False)
        click.echo(f"\n{folder}: {'is finished' if scores is not None else 'begins'}")
        results.append((variant, _train(recipe, path.name, folder) if scores is None else scores))
    click.echo(f"\n{score_table(results)}")


@memory_explained()
def find_rate(path: Path, changes: tuple[str, ...], out: Path | None) -> None:
    """Tries rising learning rates and suggests one; writes the curve, but no checkpoint."""
    recipe = read_recipe(path, changes)
    folder = out or Path("runs") / recipe.card.name
    if recipe.train.devices * recipe.train.nodes > 1:
        raise RecipeError("--find-lr: one process tries the rates; add --set train.devices=1 --set train.nodes=1")
    with hold(folder):
        training = begin(recipe, recipe.make_card(path.name), folder, fresh=True)
        found = lr_range.find_rate(training, lambda text: click.echo(text, nl=False))
        deliver(folder / "lr_range.csv", lr_range.table(found).encode())
        page = folder / "lr_range.html"
        if len(found.rates):
            write_lr_range_page(page, recipe.card.name, found.rates, found.losses, found.smooth, found.lines())
        click.echo("\n".join(found.lines()))
        click.echo(f"the curve: {page}")


@memory_explained()
def show_batches(path: Path, changes: tuple[str, ...], out: Path | None) -> None:
    """Draws the first windows of a training as they enter the net; no training."""
    from smalti.training.kinds.pixels.batch_sheet import write_batches

    recipe = read_recipe(path, changes)
    sheet = (out or Path("runs") / recipe.card.name) / "batches.png"
    windows = write_batches(open_work(recipe, recipe.make_card(path.name)), sheet)
    click.echo(f"{sheet}: the first {count(windows, 'window')}")


@memory_explained()
def _train(recipe: Recipe, name: str, folder: Path, resume: bool = False) -> dict[str, float]:
    """Trains in a folder, by a recipe whose file has that name; the main scores."""
    fabric = launch(recipe.train)
    with hold(folder) if fabric.is_global_zero else nullcontext():
        for kind in ("best", "last"):
            sweep_checkpoint(folder / kind)
        _check_same(recipe, folder, resume)
        training = begin(recipe, recipe.make_card(name), folder, fabric, resume=resume)
        click.echo("\n".join([*training.work.introduction(), *training.notes]))
        click.echo(f"checkpoints in {folder}/best and {folder}/last")
        for warning in training.work.warnings():
            click.echo(f"smalti: warning: {warning}", err=True)
        if training.progress.step:
            click.echo(f"going on from step {training.progress.step}")
        training.run(lambda text: click.echo(text, nl=False))
        if not fabric.is_global_zero:
            return {}
        conclusion = training.work.conclude(folder / "best")
        click.echo(conclusion.text)
        write_scores(folder, recipe.model_dump_json(), conclusion.scores)
        return conclusion.scores


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
