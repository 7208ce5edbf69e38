"""Scores a model of whole images on a recipe of kind images."""

from smalti.errors import OptionError, RecipeError
from smalti.evaluation import Evaluation
from smalti.workflows.evaluate_options import OF_MAPS, Asked, without_part
from smalti.workflows.extras import of_training
from smalti.workflows.scores_file import write_scores_file


def evaluate_images(asked: Asked) -> Evaluation:
    """Scores a model on a part of a recipe of kind images, and writes JSON if requested."""
    asked.refuse("predicts whole images", *OF_MAPS, "chosen")
    if not asked.is_recipe:
        raise OptionError(f"{asked.data}: models of whole images are scored on a recipe of kind images")
    with of_training():
        from smalti.training.kinds.images.settings import ImagesRecipe
        from smalti.training.kinds.images.split import make_cutter, open_part
        from smalti.training.kinds.images.work import evaluate_images as evaluate_part  # torch: for recipes only
        from smalti.training.recipe import read_recipe

    path, part, card = asked.data, asked.part, asked.model.card
    recipe = read_recipe(path, asked.options.changes)
    if not isinstance(recipe, ImagesRecipe):
        raise RecipeError(f"{path}: is a recipe of kind {recipe.kind}; expected one of kind images")
    images = open_part(recipe, card, part)
    if images is None:
        raise without_part(path, part)
    split = asked.options.split or f"{part} of {path.name}"
    found = evaluate_part(recipe, asked.model, images, part, split, make_cutter(recipe, card.tile))
    if asked.options.json:
        write_scores_file(asked.options.json, found)
    return found
