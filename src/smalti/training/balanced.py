"""A work's balance in the loop: from the terms of a batch to the gradients of all parameters.

The processes exchange gradients here and not in the backward pass, of which a balance may make several: those of each
task where the rule uses them, all of them at the end of a step.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from smalti.errors import RecipeError
from smalti.training.balance import Backward, Balance
from smalti.training.balance.fixed import Fixed
from smalti.training.distributed import Team
from smalti.training.settings import Recipe


class Balanced:
    """A balance, the model whose gradients it computes, and the processes that train it."""

    def __init__(self, balance: Balance, model: nn.Module, recipe: Recipe, team: Team) -> None:
        """RecipeError where the rule cannot work with the net or with other settings of the recipe."""
        self._balance, self._model, self._lr, self._team = balance, model, recipe.optim.lr, team
        balance.team = team
        device = next(model.parameters()).device
        for parameter in balance.parameters():
            parameter.data = parameter.data.to(device)
        self._shared: list[nn.Parameter] = []
        if balance.per_task:
            _refuse(recipe)
            self._shared = _shared(model)

    def add_group(self, optimizer: Optimizer) -> None:
        """Adds the balance's own parameters to the optimizer: at the net's learning rate, without weight decay."""
        if parameters := self._balance.parameters():
            optimizer.add_param_group({"params": parameters, "lr": self._lr, "peak": self._lr, "weight_decay": 0.0})

    def backward(self, terms: dict[str, Tensor], backward: Backward) -> dict[str, float]:
        """Adds a batch's gradients, zeros if there is no term; returns each task's weight as `weight/TASK`."""
        losses: dict[str, Tensor] = {}
        for name, value in terms.items():
            task = name.partition("/")[0]
            losses[task] = losses[task] + value if task in losses else value
        if not losses:
            for parameter in self._trained():
                parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            return {}
        shared = [parameter for parameter in self._shared if parameter.requires_grad]
        weights = self._balance.backward(losses, shared, backward)
        return {f"weight/{task}": weight for task, weight in weights.items()}

    def finish(self) -> None:
        """Call after the last batch of a step: makes the gradients equal to those of a single process."""
        own = [parameter.grad for parameter in self._balance.parameters() if parameter.grad is not None]
        if self._team.size > 1 and own:
            torch._foreach_div_(own, self._team.size)  # the loop scales for shares, but each sees the whole
        self._team.average([parameter.grad for parameter in self._trained() if parameter.grad is not None])

    def state(self) -> dict[str, Any]:
        """The state to resume from."""
        return {"rule": type(self._balance).__name__, "tasks": self._balance.tasks, "state": self._balance.state_dict()}

    def restore(self, state: dict[str, Any] | None) -> None:
        """Restores what `state` returned; RecipeError if that was another rule, or for other tasks."""
        own = self.state()
        if state is None or (_rule(state), state["tasks"]) != (own["rule"], own["tasks"]):
            was = f"used {state['rule']} for {', '.join(state['tasks'])}" if state else "had no balance"
            raise RecipeError(
                f"the training to resume {was}, but the recipe has {own['rule']} for {', '.join(own['tasks'])}; "
                "start a new one from its weights: train.start"
            )
        self._balance.load_state_dict(state["state"])

    def _trained(self) -> list[nn.Parameter]:
        return [parameter for parameter in self._model.parameters() if parameter.requires_grad]


def _rule(state: dict[str, Any]) -> str:
    """The rule of a state; older versions had a separate rule for equal weights."""
    rule = str(state["rule"])
    return Fixed.__name__ if rule == "Equal" else rule


def _refuse(recipe: Recipe) -> None:
    """RecipeError for settings that several backward passes per batch do not support."""
    if recipe.train.compile:
        raise RecipeError("train.compile: a balance that uses each task's gradient needs the net uncompiled")
    if recipe.train.precision == "16-mixed":
        raise RecipeError(
            "train.precision 16-mixed scales gradients, but a balance that uses each task's needs them unscaled; "
            "use bf16-mixed"
        )


def _shared(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that get a gradient from more than one task; RecipeError if there are none."""
    find = getattr(getattr(model, "net", None), "shared_parameters", None)
    shared: list[nn.Parameter] = list(find()) if find else []
    if not shared:
        raise RecipeError(
            "balance.name: this rule needs parameters that tasks share, and this net has none; use another rule"
        )
    return shared
