"""A new training that starts from the weights of another one, whatever has changed in the recipe since."""

from pathlib import Path

from torch import nn

from smalti.nets.filling import fill_fitting
from smalti.training.checkpoint import load_checkpoint


def fill(model: nn.Module, folder: Path) -> list[str]:
    """Fills a model, in place, with a checkpoint's weights of the same names and shapes.

    Returns lines that say what was filled and what was not; ModelError if nothing fits.
    """
    _, weights = load_checkpoint(folder)
    return fill_fitting(model.state_dict(), weights, str(folder))
