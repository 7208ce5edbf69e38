"""The recipe of a net after it was pruned: the same data, losses and rates, for fewer steps, with the whole net as the
teacher."""

from pathlib import Path
from typing import Any

from smalti.card import Card
from smalti.errors import RecipeError
from smalti.training.basis import meaning
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.kinds.pixels.shrinking import ShrinkSettings
from smalti.training.recipe import validated


def pruned_recipe(
    recipe: PixelRecipe, path: Path, settings: ShrinkSettings, *, start: Path, teacher: str
) -> PixelRecipe:
    """The recipe of the training that follows a pruning.

    All layers learn, from the weights of the pruned net alone, in one process. Images of tests are left out: nothing is
    chosen by them.

    Args:
        recipe: That of the whole net.
        path: Its file, for messages.
        settings: Steps and learning rate.
        start: The folder of the pruned checkpoint.
        teacher: The whole net, as `distill.teacher` names it; recipes that cannot distil do without.

    Raises RecipeError where so few steps contradict other settings.
    """
    raw = recipe.model_dump(exclude_unset=True)
    changes: dict[str, dict[str, Any]] = {
        "train": {"start": str(start), "steps": settings.steps, "devices": 1, "nodes": 1},
        "optim": {"freeze_encoder": 0, "lr": settings.lr or recipe.optim.lr},
        "net": {"encoder_weights": None, "encoder_sha256": None},
        "data": {"test": ()},
        "distill": {"teacher": teacher},
    }
    for table, values in changes.items():
        if table in type(recipe).model_fields:
            raw[table] = (raw.get(table) or {}) | values
    for task in raw["card"]["tasks"]:
        task.pop("init", None)
    return validated(type(recipe), raw, path)


def check_recipe(recipe: PixelRecipe, path: Path, card: Card, model: str) -> None:
    """RecipeError unless a model with that card can have been trained by the recipe."""
    ours, theirs = (
        {"net": f"net {one.net} with {one.options or 'no options'}"} | meaning(one)
        for one in (recipe.make_card(""), card)
    )
    for what in ours | theirs:
        if ours.get(what) != theirs.get(what):
            raise RecipeError(
                f"{path}: {what} is {ours.get(what, 'none')}, but {model} has {theirs.get(what, 'none')}; "
                "give the recipe that it was trained by"
            )
