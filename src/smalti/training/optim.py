"""Optimizers, the learning rate over time, and the mean of the weights. All are functions of the step alone."""

import copy
import math
from typing import Generic, TypeVar

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from smalti.training.settings import OptimSettings, ScheduleSettings

M = TypeVar("M", bound=nn.Module)


def make_optimizer(model: nn.Module, settings: OptimSettings) -> Optimizer:
    """Four groups: encoder or not, with weight decay or not. Each keeps its own peak rate as `peak`."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        key = name.startswith("net.encoder."), parameter.ndim > 1
        groups.setdefault(key, []).append(parameter)
    rows = []
    for (encoder, decayed), parameters in sorted(groups.items(), key=lambda item: item[0]):
        peak = settings.lr * (settings.encoder_factor if encoder else 1)
        decay = settings.weight_decay if decayed else 0.0
        rows.append({"params": parameters, "lr": peak, "peak": peak, "weight_decay": decay})
    if settings.name == "sgd":
        return SGD(rows, lr=settings.lr, momentum=settings.momentum)
    return AdamW(rows, lr=settings.lr)


def rate(step: int, steps: int, settings: ScheduleSettings) -> float:
    """The learning rate of a step (from 0) relative to its peak; above 0 to the end."""
    if step < settings.warmup:
        share = (step + 1) / (settings.warmup + 1)
        return share if settings.name == "poly" else (1 - math.cos(math.pi * share)) / 2
    done = (step - settings.warmup) / (steps - settings.warmup)
    if settings.name == "poly":
        return float((1 - done) ** settings.power)
    return (1 + math.cos(math.pi * done)) / 2


def set_rate(optimizer: Optimizer, factor: float) -> None:
    """Sets every group's rate to its peak times a factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


class Mean(Generic[M]):
    """The exponential mean of a model's weights and batch-norm statistics (Polyak and Juditsky, 1992).

    The decay grows to `decay` over the first steps, as (1 + step) / (10 + step), so that the random start is forgotten.
    """

    def __init__(self, model: M, decay: float) -> None:
        self.model = copy.deepcopy(model)
        self.model.eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Takes in the weights after a step (from 0)."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        own, new = self.model.state_dict(), model.state_dict()
        floats = [name for name, value in own.items() if value.is_floating_point()]
        torch._foreach_lerp_([own[name] for name in floats], [new[name] for name in floats], share)
        for name in own.keys() - set(floats):
            own[name].copy_(new[name])
