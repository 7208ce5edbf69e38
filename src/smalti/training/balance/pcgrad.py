"""Gradients without the parts that conflict with another task's."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smalti.training.balance.balance import TINY, Backward, GradientBalance, Losses, Seeded, add_gradient


class PCGrad(Seeded, GradientBalance):
    """Projecting conflicting gradients: Yu et al., 2020 ("Gradient Surgery for Multi-Task Learning").

    Each task's gradient g of the shared parameters is compared with the others in random order; where its dot product
    with one, h, is below 0, it is projected onto the normal plane of h: g - (g . h / h . h) h. The projected gradients
    are summed. All of it is linear in the gradients, so only their dot products are needed; the weights are the
    coefficients of the gradients in the sum.
    """

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """See `Balance`."""
        rows = self.rows(losses, shared, backward)  # T,P
        weights = self._weights((rows @ rows.T).double().cpu())
        add_gradient(shared, weights.to(rows) @ rows)
        return dict(zip(losses, weights.tolist(), strict=True))

    def _weights(self, products: Tensor) -> Tensor:
        """The coefficient of each gradient in the sum of the projected ones, T; `products` T,T are all dot products."""
        counts = torch.eye(len(products), dtype=products.dtype)  # T,T: each row is one projected gradient
        for task, own in enumerate(counts):
            for other in torch.randperm(len(products), generator=self.random).tolist():
                along = own @ products[other]
                if other != task and along < 0:
                    own[other] -= along / products[other, other].clamp_min(TINY**2)
        return counts.sum(0)
