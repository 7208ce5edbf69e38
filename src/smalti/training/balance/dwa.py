"""Weights by how fast each loss falls."""

from collections.abc import Mapping
from typing import Any

from smalti.training.balance.balance import TINY, LossBalance, softmax_weights


class DWA(LossBalance):
    """Dynamic weight average: Liu, Johns and Davison, 2019 ("End-to-End Multi-Task Learning with Attention").

    w = T softmax(r / temperature) with r = L(t-1) / L(t-2), L(t) a task's mean loss over the t-th period, an epoch in
    the paper; r = 1 until a task has two. A period in which a task had no label leaves its r unchanged.
    """

    options = ("temperature", "period")

    def __init__(self, weights: Mapping[str, float], temperature: float, period: int) -> None:
        """`period` is in batches."""
        super().__init__(weights)
        self._temperature, self._period = temperature, period
        self._means: dict[str, list[float]] = {task: [] for task in self.tasks}  # of the last two periods
        self._sums = dict.fromkeys(self.tasks, 0.0)
        self._counts = dict.fromkeys(self.tasks, 0)
        self._batches = 0

    def state_dict(self) -> dict[str, Any]:
        """See `Balance`."""
        means = {task: list(means) for task, means in self._means.items()}
        return {"means": means, "sums": dict(self._sums), "counts": dict(self._counts), "batches": self._batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Balance`."""
        self._means = {task: list(means) for task, means in state["means"].items()}
        self._sums, self._counts, self._batches = dict(state["sums"]), dict(state["counts"]), state["batches"]

    def weigh(self, losses: dict[str, float]) -> dict[str, float]:
        """See `LossBalance`."""
        weights = softmax_weights({task: self._ratio(task) / self._temperature for task in losses})
        for task, loss in losses.items():
            self._sums[task] += loss
            self._counts[task] += 1
        self._batches += 1
        if self._batches == self._period:
            self._end_period()
        return weights

    def _ratio(self, task: str) -> float:
        means = self._means[task]
        return means[1] / max(means[0], TINY) if len(means) == 2 else 1.0

    def _end_period(self) -> None:
        for task, count in self._counts.items():
            if count:
                self._means[task] = [*self._means[task][-1:], self._sums[task] / count]
        self._sums, self._counts = dict.fromkeys(self.tasks, 0.0), dict.fromkeys(self.tasks, 0)
        self._batches = 0
