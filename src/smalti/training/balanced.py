"""A work's balance in the loop: from the terms of a batch to the gradients of all parameters.

The processes of a team exchange gradients here and not on the way back through the net, which a balance may go more
than once: those of each task where the rule looks at them, all of them at the end of a step.
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
    """A balance, the model whose gradients it makes, and the processes that train it."""

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
        """Gives the optimizer what the balance learns: at the net's rate, without decay."""
        if parameters := self._balance.parameters():
            optimizer.add_param_group({"params": parameters, "lr": self._lr, "peak": self._lr, "weight_decay": 0.0})

    def backward(self, terms: dict[str, Tensor], backward: Backward) -> dict[str, float]:
        """Adds a batch's gradients; answers each task's weight, called `weight/TASK`. Without a term all are 0."""
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
        """To be called once the last batch of a step is through: makes the gradients those of one process."""
        own = [parameter.grad for parameter in self._balance.parameters() if parameter.grad is not None]
        if self._team.size > 1 and own:
            torch._foreach_div_(own, self._team.size)  # the loop counts each process as a share; here all see the whole
        self._team.average([parameter.grad for parameter in self._trained() if parameter.grad is not None])

    def state(self) -> dict[str, Any]:
        """What a training goes on from."""
        return {"rule": type(self._balance).__name__, "tasks": self._balance.tasks, "state": self._balance.state_dict()}

    def restore(self, state: dict[str, Any] | None) -> None:
        """Takes over what `state` answered; RecipeError if that was another rule, or of other tasks."""
        own = self.state()
        if state is None or (_rule(state), state["tasks"]) != (own["rule"], own["tasks"]):
            was = f"by {state['rule']} for {', '.join(state['tasks'])}" if state else "not at all"
            raise RecipeError(
                f"the training to go on with was balanced {was}, not by {own['rule']} for {', '.join(own['tasks'])}; "
                "begin a new one that takes its weights: train.start"
            )
        self._balance.load_state_dict(state["state"])

    def _trained(self) -> list[nn.Parameter]:
        return [parameter for parameter in self._model.parameters() if parameter.requires_grad]


def _rule(state: dict[str, Any]) -> str:
    """The rule of a state; equal weights once had one of their own."""
    rule = str(state["rule"])
    return Fixed.__name__ if rule == "Equal" else rule


def _refuse(recipe: Recipe) -> None:
    """RecipeError for what several passes back through one batch do not bear."""
    if recipe.train.compile:
        raise RecipeError("train.compile: a balance that looks at each task's gradient needs the net uncompiled")
    if recipe.train.precision == "16-mixed":
        raise RecipeError(
            "train.precision 16-mixed scales gradients, and a balance that looks at each task's needs them unscaled; "
            "take bf16-mixed"
        )


def _shared(model: nn.Module) -> list[nn.Parameter]:
    """What more than one task's loss reaches; RecipeError if that is nothing."""
    find = getattr(getattr(model, "net", None), "shared_parameters", None)
    shared: list[nn.Parameter] = list(find()) if find else []
    if not shared:
        raise RecipeError(
            "balance.name: this rule looks at what tasks share, and in this net they train nothing together; "
            "take another rule"
        )
    return shared
