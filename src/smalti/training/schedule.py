"""The learning rate and the momentum over time: functions of the step alone."""

import math

from torch.optim import Optimizer

from smalti.training.settings import ScheduleSettings


def rate(step: int, steps: int, settings: ScheduleSettings) -> float:
    """The learning rate of a step (from 0) relative to its peak; above 0 until the last step."""
    warmup = settings.warm_steps(steps)
    if step < warmup:
        share = (step + 1) / (warmup + 1)
        return (1 - math.cos(math.pi * share)) / 2 if settings.name == "onecycle" else share
    if settings.name == "step":
        return settings.factor ** sum(step >= milestone for milestone in settings.milestones)
    done = (step - warmup) / (steps - warmup)
    if settings.name == "poly":
        return float((1 - done) ** settings.power)
    return (1 + math.cos(math.pi * done)) / 2


def set_rates(optimizer: Optimizer, factor: float, momentum: tuple[float, float] | None = None) -> None:
    """Sets every group's learning rate to its peak times a factor.

    `momentum`, at the peak and at rate 0, moves opposite to the rate (Smith, 2018, "A disciplined approach to neural
    network hyper-parameters"); for Adam it is the decay of the first moment.
    """
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
        if momentum is None:
            continue
        now = momentum[1] + (momentum[0] - momentum[1]) * factor
        if "betas" in group:
            group["betas"] = (now, group["betas"][1])
        else:
            group["momentum"] = now
