"""Random weights."""

import torch

from smalti.training.balance.balance import LossBalance, Seeded, softmax_weights


class RLW(Seeded, LossBalance):
    """Random loss weighting: Lin et al., 2022 ("Reasonable Effectiveness of Random Weighting").

    Each batch has its own weights, the softmax of normally distributed draws; here times the number of tasks.
    """

    def weigh(self, losses: dict[str, float]) -> dict[str, float]:
        """See `LossBalance`."""
        draws = dict(zip(self.tasks, torch.randn(len(self.tasks), generator=self.random).tolist(), strict=True))
        return softmax_weights({task: draws[task] for task in losses})
