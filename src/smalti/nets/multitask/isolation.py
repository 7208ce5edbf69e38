"""Gradient isolation: which losses reach which branch, where branches exchange maps.

`none`: every task's loss reaches every branch. `own`: a branch learns from its own task's loss only. A list of tasks:
their branches learn from their own loss only, the others from all losses. `ratio`: a branch gets the gradient of the
mixed output, or that of its own output where the two norms differ by more than a factor `tau`. The mixing units always
learn from all losses.

The ratio is computed over the whole batch of a process. It needs the gradients of all losses in one backward pass: in a
pass of a single loss, the other branches have no gradient of their own.
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
    """The isolation rule of one net."""

    own: tuple[bool, ...]
    """Which branches learn from their own task's loss only."""
    tau: float | None
    """The factor of the rule `ratio`; None for the others."""

    @classmethod
    def parse(cls, tasks: Sequence[str], rule: str | Sequence[str], tau: float | None) -> "Isolation":
        """The rule as a recipe gives it; ModelError for an unknown rule or task, or a `tau` that does not apply."""
        ratio = rule == "ratio"
        if tau is not None and (not ratio or tau < 1):
            raise ModelError(f"tau {tau} is for isolation 'ratio' and must be 1 or more; isolation is {rule!r}")
        named = {"none": (), "ratio": (), "own": tasks}.get(rule) if isinstance(rule, str) else rule
        if named is None or (unknown := set(named) - set(tasks)):
            what = rule if named is None else ", ".join(sorted(unknown))
            raise ModelError(f"isolation {what!r} is none of 'none', 'own', 'ratio', or a list of {', '.join(tasks)}")
        return cls(tuple(task in named for task in tasks), (tau or TAU) if ratio else None)

    def __call__(self, unit: Unit, xs: list[Tensor]) -> list[Tensor]:
        """Applies `unit` to one map per branch, with limited gradients."""
        # exported graphs have no gradients
        if not torch.is_grad_enabled() or torch.compiler.is_exporting():
            return unit(xs)
        if self.tau is not None:
            return _by_ratio(unit, xs, self.tau)
        mixed = unit([x.detach() if own else x for x, own in zip(xs, self.own, strict=True)])
        # x - x.detach() is 0 with the gradient of x
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
    """The gradient of branch `number`: the fused one, or its own, which is computed first."""
    mine = own.pop(number, None)
    if mine is None:
        return torch.zeros_like(fused)
    ours, theirs = mine.norm(), fused.norm()
    return torch.where((theirs > tau * ours) | (ours > tau * theirs), mine, fused)
