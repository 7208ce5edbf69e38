"""Pre-training: which recipes are suitable, and the encoder's weights as a file that other recipes use."""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save

from smalti.errors import RecipeError
from smalti.files import deliver
from smalti.nets.build import Model
from smalti.training.adapt import reestimate
from smalti.training.checkpoint import HASH, digest
from smalti.training.encoder import encoder_of
from smalti.training.kinds.images.settings import ImagesRecipe
from smalti.training.kinds.selfsupervised.settings import SelfSupervisedRecipe
from smalti.training.kinds.selfsupervised.work import SelfSupervisedWork
from smalti.training.predict import load_model
from smalti.training.recipe import read_recipe

ENCODER = "encoder.safetensors"
BATCHES = 32
"""Batches of whole images from which batch norms are estimated that learned from images with hidden cells."""
Pretraining = ImagesRecipe | SelfSupervisedRecipe


def read_pretraining(path: Path, changes: Sequence[str] = (), kind: str | None = None) -> Pretraining:
    """Reads a recipe of kind images with a classifier, or of kind selfsupervised; RecipeError for any other recipe.

    With a `kind`, for a recipe of another kind, too.
    """
    recipe = read_recipe(path, changes)
    if kind is not None and recipe.kind != kind:
        raise RecipeError(f"{path}: is a recipe of kind {recipe.kind}; --kind {kind} needs one of kind {kind}")
    if isinstance(recipe, SelfSupervisedRecipe):
        return recipe
    if not isinstance(recipe, ImagesRecipe):
        expected = "pre-training needs one of kind images or selfsupervised"
        raise RecipeError(f"{path}: is a recipe of kind {recipe.kind}; {expected}")
    tasks = recipe.card.tasks
    if recipe.net.name != "classifier" or len(tasks) != 1 or tasks[0].kind != "image_classes":
        raise RecipeError(f"{path}: pre-training needs net.name classifier and one task of kind image_classes")
    return recipe


def write_encoder(recipe: Pretraining, name: str, folder: Path) -> Path:
    """Writes the encoder of a training's best checkpoint beside it, with the names that `load_encoder` expects.

    `name` is that of the recipe's file.
    """
    model = load_model(folder / "best")
    if isinstance(recipe, SelfSupervisedRecipe):
        _see_whole_images(model, recipe, name)
    encoder = encoder_of(model, "pre-training")
    weights = {f"encoder.{name}": value.contiguous() for name, value in encoder.state_dict().items()}
    deliver(folder / ENCODER, save(weights, {HASH: digest(weights)}))
    return folder / ENCODER


def _see_whole_images(model: Model, recipe: SelfSupervisedRecipe, name: str) -> None:
    """Batch norms of windows without hidden cells, by the first batches of the training."""
    stream = SelfSupervisedWork(recipe, recipe.make_card(name)).stream
    reestimate(model, (stream.batch(number, recipe.train.batch)["image"] for number in range(BATCHES)))
