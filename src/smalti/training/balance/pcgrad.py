"""Gradients freed of what conflicts with another task's."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from smalti.training.balance.balance import TINY, Backward, GradientBalance, Losses, add_gradient


class PCGrad(GradientBalance):
    """Projecting conflicting gradients: Yu et al., 2020 ("Gradient Surgery for Multi-Task Learning").

    Each task's gradient g of the shared parameters meets the others' in random order; where its product with one, h, is
    below 0, it is projected onto the plane across it: g - (g . h / h . h) h. The projected gradients are summed.
    All of it is linear in the gradients, so only their products are needed; the weights say how often each counts.
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

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """See `Balance`."""
        rows = self.rows(losses, shared, backward)  # T,P
        weights = self._weights((rows @ rows.T).double().cpu())
        add_gradient(shared, weights.to(rows) @ rows)
        return dict(zip(losses, weights.tolist(), strict=True))

    def _weights(self, products: Tensor) -> Tensor:
        """How often each gradient counts in the sum of the projected ones, T; `products` T,T of each with each."""
        counts = torch.eye(len(products), dtype=products.dtype)  # T,T: each row is one projected gradient
        for task, own in enumerate(counts):
            for other in torch.randperm(len(products), generator=self._random).tolist():
                along = own @ products[other]
                if other != task and along < 0:
                    own[other] -= along / products[other, other].clamp_min(TINY**2)
        return counts.sum(0)
