"""Progress and speed of a training."""

import math
import time
from dataclasses import dataclass, field

from smalti.text import duration

OWN, OWN_TABLES = ("loss", "confident"), ("weight/", "confident/")
"""Names that records have as they are, and beginnings of such names; all others are terms of the loss."""


@dataclass
class TrainingProgress:
    """How far a training is; all of it is saved in state.pt."""

    step: int = 0
    best: float = -math.inf
    best_step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    """Sums over the steps of the current epoch: the loss, its terms, as `weight/TASK` the weights of a balance, and
    as `confident`, `confident/CLASS` the shares of pixels with pseudo-labels."""
    shares: dict[str, float] = field(default_factory=dict)
    """Steps of the current epoch in which each of them was present: a term is missing if its task has no label."""
    epoch_steps: int = 0
    stale: int = 0
    """Validations since the best one."""
    stopped: bool = False
    """Whether it was stopped before its last step."""

    def note(self, values: dict[str, float], share: float) -> None:
        """Adds the values of one batch, which is a `share` of a step."""
        for name, value in values.items():
            self.losses[name] = self.losses.get(name, 0.0) + value * share
            self.shares[name] = self.shares.get(name, 0.0) + share

    def end_epoch(self) -> dict[str, float]:
        """The means over the epoch, named as in the records: `loss`, `loss/TERM`, and the others as they are; starts a
        new epoch."""
        plain = {name for name in self.losses if name in OWN or name.startswith(OWN_TABLES)}
        means = {
            name if name in plain else f"loss/{name}": value / self.shares.get(name, self.epoch_steps)
            for name, value in self.losses.items()
        }
        self.losses, self.shares, self.epoch_steps = {}, {}, 0
        return means


class Pace:
    """The progress line: loss, speed, time left."""

    def __init__(self, step: int, steps: int) -> None:
        self._steps, self._from = steps, step
        self._busy, self._since = 0.0, time.perf_counter()

    @property
    def seconds_per_step(self) -> float:
        """Mean over this run, without validations."""
        return self._busy / max(1, self._done)

    def line(self, progress: TrainingProgress, lr: float) -> str:
        """The line after a step."""
        now = time.perf_counter()
        self._busy, self._since = self._busy + now - self._since, now
        self._done = progress.step - self._from
        left = self.seconds_per_step * (self._steps - progress.step)
        loss = progress.losses["loss"] / progress.epoch_steps
        best = f"  best {100 * progress.best:.2f}" if math.isfinite(progress.best) else ""
        return (
            f"\rstep {progress.step}/{self._steps}  loss {loss:.3f}  lr {lr:.2e}{best}  "
            f"{self.seconds_per_step:.2f} s/step  {duration(left)} left  "
        )

    def pause(self) -> None:
        """Excludes the time since the last step."""
        self._since = time.perf_counter()
