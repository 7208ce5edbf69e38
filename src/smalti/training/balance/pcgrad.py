"""Gradients freed of what conflicts with another task's."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smalti.training.balance.balance import TINY, Backward, Drawing, GradientBalance, Losses, add_gradient


class PCGrad(Drawing, GradientBalance):
    """Projecting conflicting gradients: Yu et al., 2020 ("Gradient Surgery for Multi-Task Learning").

    Each task's gradient g of the shared parameters meets the others' in random order; where its product with one, h, is
    below 0, it is projected onto the plane across it: g - (g . h / h . h) h. The projected gradients are summed.
    All of it is linear in the gradients, so only their products are needed; the weights say how often each counts.
    """

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
            for other in torch.randperm(len(products), generator=self.random).tolist():
                along = own @ products[other]
                if other != task and along < 0:
                    own[other] -= along / products[other, other].clamp_min(TINY**2)
        return counts.sum(0)
