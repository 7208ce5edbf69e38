"""Pre-training: which recipes are suitable, and the encoder's weights as a file that other recipes use."""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save

from smalti.errors import RecipeError
from smalti.files import deliver
from smalti.training.checkpoint import HASH, digest
from smalti.training.encoder import encoder_of
from smalti.training.kinds.images.settings import ImagesRecipe
from smalti.training.predict import load_model
from smalti.training.recipe import read_recipe

ENCODER = "encoder.safetensors"


def read_pretraining(path: Path, changes: Sequence[str] = ()) -> ImagesRecipe:
    """Reads a recipe of kind images with a classifier; RecipeError for any other recipe."""
    recipe = read_recipe(path, changes)
    if not isinstance(recipe, ImagesRecipe):
        raise RecipeError(f"{path}: is a recipe of kind {recipe.kind}; pre-training needs one of kind images")
    tasks = recipe.card.tasks
    if recipe.net.name != "classifier" or len(tasks) != 1 or tasks[0].kind != "image_classes":
        raise RecipeError(f"{path}: pre-training needs net.name classifier and one task of kind image_classes")
    return recipe


def write_encoder(folder: Path) -> Path:
    """Writes the encoder of a training's best checkpoint beside it, with the names that `load_encoder` expects."""
    encoder = encoder_of(load_model(folder / "best"), "pre-training")
    weights = {f"encoder.{name}": value.contiguous() for name, value in encoder.state_dict().items()}
    deliver(folder / ENCODER, save(weights, {HASH: digest(weights)}))
    return folder / ENCODER
