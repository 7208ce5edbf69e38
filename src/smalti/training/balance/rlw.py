"""Weights by chance."""

from collections.abc import Mapping
from typing import Any

import torch

from smalti.training.balance.balance import LossBalance, softmax_weights


class RLW(LossBalance):
    """Random loss weighting: Lin et al., 2022 ("Reasonable Effectiveness of Random Weighting").

    Each batch has its own weights, the softmax of normal draws; here times the number of tasks.
    """

    options = ("seed",)

    def __init__(self, weights: Mapping[str, float], seed: int) -> None:
        super().__init__(weights)
        self._random = torch.Generator().manual_seed(seed)

    def state_dict(self) -> dict[str, Any]:
        """See `Balance`."""
        return {"random": self._random.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Balance`."""
        self._random.set_state(state["random"])

    def weigh(self, losses: dict[str, float]) -> dict[str, float]:
        """See `LossBalance`."""
        draws = dict(zip(self.tasks, torch.randn(len(self.tasks), generator=self._random).tolist(), strict=True))
        return softmax_weights({task: draws[task] for task in losses})
