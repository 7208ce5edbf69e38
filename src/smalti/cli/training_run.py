"""What `smalti train` does, once torch is known to be there."""

from pathlib import Path

import click

from smalti.card import Card
from smalti.errors import RecipeError
from smalti.evaluation import Pair, evaluate
from smalti.evaluation.result import text_table
from smalti.jobs import hold
from smalti.nets.build import build
from smalti.training.checkpoint import load_checkpoint, load_state
from smalti.training.loop import begin
from smalti.training.predict import TorchPredictor
from smalti.training.prepare import Split, open_split
from smalti.training.recipe import read_recipe
from smalti.training.settings import Recipe


def train(path: Path, changes: tuple[str, ...], resume: bool, out: Path | None) -> None:
    """Trains by a recipe and prints the scores of the best checkpoint."""
    recipe = read_recipe(path, changes)
    card = recipe.make_card(path.name)
    folder = out or Path("runs") / card.name
    with hold(folder):
        _check_same(recipe, folder, resume)
        split = open_split(recipe, card)
        training = begin(recipe, card, split.train, split.validation, folder)
        _introduce(recipe, card, split, folder, sum(p.numel() for p in training.model.parameters()))
        _warn(training.stream.missing())
        if training.progress.step:
            click.echo(f"going on from step {training.progress.step}")
        training.run(lambda text: click.echo(text, nl=False))
        _conclude(recipe, split, folder)


def _check_same(recipe: Recipe, folder: Path, resume: bool) -> None:
    """RecipeError if the folder holds a training by another recipe, or none where one should go on."""
    state = load_state(folder / "last")
    if state is None and resume:
        raise RecipeError(f"--resume: {folder} holds no training to go on with; leave --resume away to begin one")
    if state is not None and not resume and state["recipe"] != recipe.model_dump_json():
        raise RecipeError(
            f"{folder} holds a training by other settings; give another --out, or --resume to go on with these"
        )


def _introduce(recipe: Recipe, card: Card, split: Split, folder: Path, parameters: int) -> None:
    t = recipe.train
    click.echo(f"{card.name}: {card.net} on {recipe.net.encoder}, {parameters:,} parameters")
    click.echo("\n".join(split.lines()))
    click.echo(
        f"{t.steps} steps of {t.batch * t.accumulate} windows of {t.crop}x{t.crop}; "
        f"checkpoints in {folder}/best and {folder}/last"
    )


def _warn(missing: list[str]) -> None:
    if missing:
        click.echo(
            f"smalti: warning: no training image has a pixel of {', '.join(missing)}; "
            "tell how the masks are written: label_colors, or labels.ids of the source",
            err=True,
        )


def _conclude(recipe: Recipe, split: Split, folder: Path) -> None:
    card, weights = load_checkpoint(folder / "best")
    model = build(card)
    model.load_state_dict(weights)
    predict = TorchPredictor(model)
    for name, pairs, split_text in (
        ("validation", split.validation, "the validation images, by which the checkpoint was chosen"),
        ("test", split.test, "the test images, used for no choice"),
    ):
        if pairs:
            click.echo(f"\n{name}\n{_table(predict, pairs, name, split_text)}")
    click.echo(f"\nnext: smalti export {folder}/best {card.name}.onnx")


def _table(predict: TorchPredictor, pairs: list[Pair], data: str, split: str) -> str:
    return text_table(evaluate(predict, pairs, data=data, split=split, chosen=predict.card.origin.chosen))
