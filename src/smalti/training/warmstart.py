"""A new training that starts from the weights of another one, whatever has changed in the recipe since."""

from pathlib import Path

from torch import nn

from smalti.errors import ModelError
from smalti.nets.build import Model
from smalti.nets.filling import fill_fitting
from smalti.training.checkpoint import load_checkpoint


def fill(model: nn.Module, folder: Path) -> list[str]:
    """Fills a model, in place, with a checkpoint's weights of the same names and shapes.

    Returns lines that say what was filled and what was not; ModelError if nothing fits, or if it answers several tasks
    that are not the model's: heads have numbers, not names.
    """
    card, weights = load_checkpoint(folder)
    theirs = [task.name for task in card.tasks]
    if isinstance(model, Model) and len(theirs) > 1 and theirs != (ours := [task.name for task in model.card.tasks]):
        raise ModelError(
            f"{folder}: answers {', '.join(theirs)}, the recipe's tasks are {', '.join(ours)}; give the same in the "
            "same order, or a checkpoint of one task as the task's `init`"
        )
    return fill_fitting(model.state_dict(), weights, str(folder))
