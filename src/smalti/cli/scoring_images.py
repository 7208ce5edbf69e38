"""What `smalti evaluate` does with a model that answers for whole images."""

from typing import TYPE_CHECKING

import click

from smalti.errors import DataError, RecipeError
from smalti.files import deliver
from smalti.workflows.models import OpenModel

if TYPE_CHECKING:
    from smalti.cli.scoring import Question


def answer_images(question: "Question", model: OpenModel) -> str:
    """Scores a model on a part of a recipe of kind images, writes JSON if asked, and gives the table as text."""
    _refuse(question)
    from smalti.training.kinds.images.settings import ImagesRecipe
    from smalti.training.kinds.images.split import make_cutter, open_part
    from smalti.training.kinds.images.work import evaluate_images  # torch is imported for recipes only
    from smalti.training.recipe import read_recipe

    path, part, card = question.data, question.part, model.card
    recipe = read_recipe(path, question.changes)
    if not isinstance(recipe, ImagesRecipe):
        raise RecipeError(f"{path}: is a recipe of kind {recipe.kind}; expected one of kind images")
    images = open_part(recipe, card, part)
    if images is None:
        raise DataError(f"{path}: the recipe has no data.{part}; add it, or choose the other --part")
    split = question.split or f"{part} of {path.name}"
    found = evaluate_images(recipe, model, images, part, split, make_cutter(recipe, card.tile))
    if question.json:
        deliver(question.json, found.to_json().encode())
    return str(found)


def _refuse(question: "Question") -> None:
    """UsageError for options that speak of maps, and for data that are no recipe."""
    maps = {"--tta": question.tta, "--leave-out": question.leave_out, "--labels": question.labels}
    maps |= {
        "--bands": question.bands,
        "--report": question.report,
        "--records": question.records,
        "--dataset": question.dataset,
    }
    maps |= {"--pictures": question.pictures, "--chosen": question.chosen}
    if given := [name for name, value in maps.items() if value]:
        raise click.UsageError(f"{given[0]} is for models that map; {question.model} answers for whole images")
    if not question.is_recipe:
        raise click.UsageError(f"{question.data}: models of whole images are scored on a recipe of kind images")
