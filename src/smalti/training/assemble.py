"""The parts of a training: the model, its averaged weights, the optimizer and the balance, built in order."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from smalti.training.balanced import Balanced
from smalti.training.distributed import Team
from smalti.training.ema import average_of
from smalti.training.encoder import Freezing, recompute_stages
from smalti.training.optim import make_optimizer
from smalti.training.settings import Recipe
from smalti.training.work import Work


@dataclass(frozen=True, eq=False)
class Assembly:
    """The parts, ready for the first step."""

    model: nn.Module
    mean: AveragedModel
    freezing: Freezing
    optimizer: Optimizer
    balanced: Balanced | None
    beside: nn.Module | None
    """What is trained with the model and is no part of it."""
    wrapped: Any
    """The model as Fabric calls it, compiled if requested."""
    stepped: Any
    """The optimizer as Fabric steps it."""


def assemble(recipe: Recipe, work: Work, fabric: Any, team: Team) -> Assembly:
    """Builds the parts; each line depends on those above it.

    RecipeError where the recipe needs something that the net lacks, or the balance cannot work with the net.
    """
    model = _placed(work.model, recipe, fabric)  # first: moving a model may replace its parameters
    mean = average_of(model, recipe.train.ema)  # a plain copy: before modules are synchronised, recomputed or compiled
    model = _synchronised(model, team)  # replaces modules: before anything refers to them
    freezing = Freezing(model, recipe.optim.freeze_encoder)  # before the optimizer, which skips what stays frozen
    if recipe.train.recompute:
        recompute_stages(model)
    optimizer: Optimizer = make_optimizer(model, recipe.optim)
    balanced = _balanced(recipe, work, model, team)
    if balanced:
        balanced.add_group(optimizer)  # before Fabric wraps the optimizer
    beside = getattr(work, "beside", None)
    if beside and (parameters := list(_placed(beside, recipe, fabric).parameters())):
        lr = recipe.optim.lr
        decay = recipe.optim.weight_decay
        optimizer.add_param_group({"params": parameters, "lr": lr, "peak": lr, "weight_decay": decay})
    forward: Any = torch.compile(model) if recipe.train.compile else model
    wrapped, stepped = fabric.setup(forward, optimizer)
    return Assembly(model, mean, freezing, optimizer, balanced, beside, wrapped, stepped)


def _placed(model: nn.Module, recipe: Recipe, fabric: Any) -> nn.Module:
    """The model on the device, in the memory layout of the recipe."""
    model = model.to(fabric.device)
    if recipe.train.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def _synchronised(model: nn.Module, team: Team) -> nn.Module:
    """The model with batch norms over all processes, where torch supports it: on GPUs."""
    if team.size == 1 or torch.device(team.device).type != "cuda":
        return model
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-any-return, no-untyped-call]


def _balanced(recipe: Recipe, work: Work, model: nn.Module, team: Team) -> Balanced | None:
    balance = getattr(work, "balance", None)
    return Balanced(balance, model, recipe, team) if balance else None
