"""A new training that starts from the weights of another one, whatever has changed in the recipe since."""

from pathlib import Path

import torch
from torch import nn

from smalti.errors import ModelError
from smalti.training.checkpoint import load_checkpoint

SHOWN = 3


def fill(model: nn.Module, folder: Path) -> list[str]:
    """Fills a model, in place, with a checkpoint's weights of the same names and shapes.

    Returns lines that say what was filled and what was not; ModelError if nothing fits.
    """
    _, weights = load_checkpoint(folder)
    own = model.state_dict()
    fitting = {name for name, value in weights.items() if name in own and own[name].shape == value.shape}
    if not any(own[name].is_floating_point() for name in fitting):
        raise ModelError(f"{folder}: none of its {len(weights)} weights fits the net by name and shape")
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(weights[name])
    lines = [f"from {folder}: {len(fitting)} of the net's {len(own)} tensors filled"]
    for what, names in (
        ("of another shape, left at random", (own.keys() & weights.keys()) - fitting),
        ("not in the checkpoint, left at random", own.keys() - weights.keys()),
        ("in the checkpoint only, not used", weights.keys() - own.keys()),
    ):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            lines.append(f"  {what}: {', '.join(sorted(names)[:SHOWN])}{more}")
    return lines
