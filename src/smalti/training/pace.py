"""How far a training is, and how fast."""

import math
import time
from dataclasses import dataclass, field


@dataclass
class Progress:
    """How far a training is; all of it goes into state.pt."""

    step: int = 0
    best: float = -math.inf
    best_step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    """Sums over the steps of the current epoch."""
    epoch_steps: int = 0
    stale: int = 0
    """Validations since the best one."""
    stopped: bool = False
    """Whether it ended before its last step."""


class Pace:
    """The line of progress: loss, speed, time left."""

    def __init__(self, step: int, steps: int) -> None:
        self._steps, self._from = steps, step
        self._busy, self._since = 0.0, time.perf_counter()

    @property
    def seconds_per_step(self) -> float:
        """Mean of this run, without validations."""
        return self._busy / max(1, self._done)

    def line(self, progress: Progress, lr: float) -> str:
        """The line after a step."""
        now = time.perf_counter()
        self._busy, self._since = self._busy + now - self._since, now
        self._done = progress.step - self._from
        left = self.seconds_per_step * (self._steps - progress.step)
        loss = progress.losses["loss"] / progress.epoch_steps
        best = f"  best {100 * progress.best:.2f}" if math.isfinite(progress.best) else ""
        return (
            f"\rstep {progress.step}/{self._steps}  loss {loss:.3f}  lr {lr:.2e}{best}  "
            f"{self.seconds_per_step:.2f} s/step  {left / 60:.0f} min left  "
        )

    def pause(self) -> None:
        """What has passed since the last step does not count."""
        self._since = time.perf_counter()
