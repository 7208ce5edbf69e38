"""Whose gradient reaches whose branch where branches exchange maps: the value is the mix, the gradient as promised.

`none`: every task's loss reaches every branch. `own`: a branch learns from its own task's loss alone. A list of tasks:
so do their branches, the others learn from all losses. `ratio`: a branch gets the mix's gradient, but its own
output's where the norms of the two differ by more than a factor `tau`. The units that mix always learn.

The ratio is taken over all of a process's batch. It needs the losses' gradients in one pass: in a pass of one loss
alone, the other branches have no gradient of their own and so get none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from smalti.errors import ModelError

TAU = 2.0
Unit = Callable[[list[Tensor]], list[Tensor]]


@dataclass(frozen=True)
class Isolation:
    """The rule of one net."""

    own: tuple[bool, ...]
    """Which branches learn from their own task's loss alone."""
    tau: float | None
    """The factor of the rule by norms, if that is the rule."""

    @classmethod
    def parse(cls, tasks: Sequence[str], rule: str | Sequence[str], tau: float | None) -> "Isolation":
        """From a recipe's words; ModelError for a word or a task that is not known, or a useless `tau`."""
        ratio = rule == "ratio"
        if tau is not None and (not ratio or tau < 1):
            raise ModelError(f"tau {tau} is for isolation 'ratio' and must be 1 or more; isolation is {rule!r}")
        named = {"none": (), "ratio": (), "own": tasks}.get(rule) if isinstance(rule, str) else rule
        if named is None or (unknown := set(named) - set(tasks)):
            what = rule if named is None else ", ".join(sorted(unknown))
            raise ModelError(f"isolation {what!r} is none of 'none', 'own', 'ratio', or a list of {', '.join(tasks)}")
        return cls(tuple(task in named for task in tasks), (tau or TAU) if ratio else None)

    def __call__(self, unit: Unit, xs: list[Tensor]) -> list[Tensor]:
        """What `unit` makes of one map per branch, gradients limited."""
        # A graph to export has no gradients, and should not hold what is only there for them.
        if not torch.is_grad_enabled() or torch.compiler.is_exporting():
            return unit(xs)
        if self.tau is not None:
            return _by_ratio(unit, xs, self.tau)
        mixed = unit([x.detach() if own else x for x, own in zip(xs, self.own, strict=True)])
        # x - x.detach() is 0 with the gradient of x.
        return [y + (x - x.detach()) if own else y for y, x, own in zip(mixed, xs, self.own, strict=True)]


def _by_ratio(unit: Unit, xs: list[Tensor], tau: float) -> list[Tensor]:
    entries = [x.view_as(x) for x in xs]
    mixed = [y.view_as(y) for y in unit(entries)]
    own: dict[int, Tensor] = {}
    for number, (entry, y) in enumerate(zip(entries, mixed, strict=True)):
        if entry.requires_grad:
            y.register_hook(partial(_keep, own, number))  # type: ignore[no-untyped-call]
            entry.register_hook(partial(_choose, own, number, tau))  # type: ignore[no-untyped-call]
    return mixed


def _keep(own: dict[int, Tensor], number: int, gradient: Tensor) -> None:
    own[number] = gradient


def _choose(own: dict[int, Tensor], number: int, tau: float, fused: Tensor) -> Tensor:
    """The gradient of branch `number`: the fused one, or its own. Every output depends on it, so its own came first."""
    mine = own.pop(number, None)
    if mine is None:
        return torch.zeros_like(fused)
    ours, theirs = mine.norm(), fused.norm()
    return torch.where((theirs > tau * ours) | (ours > tau * theirs), mine, fused)
