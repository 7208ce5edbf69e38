"""Optimizers and their groups of parameters."""

import re
from typing import Any, Literal

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from smalti.errors import RecipeError
from smalti.training.settings import OptimSettings

ENCODER = re.compile(r"net\.encoder\.(?:\d+\.)?(?:stages\.(\d+)\.)?")  # an index if each task has its own
SHARING = "net.sharing."
Role = Literal["encoder", "rest", "sharing"]


def make_optimizer(model: nn.Module, settings: OptimSettings) -> Optimizer:
    """An optimizer with groups by module (sharing units, encoder, its stages if they differ, rest) and weight decay.

    Every parameter that requires a gradient is in exactly one group; each group keeps its `peak` rate. Weights that
    mix the maps of branches do not decay: at zero, nothing would pass.
    """
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    deepest = max((int(m[1] or 0) for name in trained if (m := ENCODER.match(name))), default=0)
    groups: dict[tuple[Role, int, bool], list[nn.Parameter]] = {}
    factors: dict[Role, float] = {
        "encoder": settings.encoder_factor,
        "rest": 1,
        "sharing": settings.sharing_factor,
    }
    for name, parameter in trained.items():
        found = ENCODER.match(name)
        above = deepest - int(found[1] or 0) if found and settings.layer_decay < 1 else 0
        place: Role = "encoder" if found else "sharing" if name.startswith(SHARING) else "rest"
        groups.setdefault((place, above, parameter.ndim > 1 and place != "sharing"), []).append(parameter)
    rows = []
    for (place, above, decayed), parameters in sorted(groups.items(), key=lambda item: item[0]):
        peak = settings.lr * factors[place] * settings.layer_decay**above
        decay = settings.weight_decay if decayed else 0.0
        rows.append({"params": parameters, "lr": peak, "peak": peak, "weight_decay": decay})
    if settings.name == "sgd":
        return SGD(rows, lr=settings.lr, momentum=settings.momentum)
    return AdamW(rows, lr=settings.lr)


def restore(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Restores the state of an optimizer; learning rates and decays stay those of the current recipe.

    RecipeError if the state is for other groups or another optimizer.
    """
    options = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    kinds = [set(group) - {"params"} for group in state["param_groups"]]
    try:
        optimizer.load_state_dict(state)
    except ValueError:
        kinds = []
    if kinds != [set(group) for group in options]:
        raise RecipeError(
            "the training to resume has another optimizer or other groups of parameters; "
            "start a new one from its weights: train.start"
        )
    for group, ours in zip(optimizer.param_groups, options, strict=True):
        group.update(ours)
