"""The geometric mean of the losses."""

import math

from smalti.errors import RecipeError
from smalti.training.balance.balance import TINY, LossBalance


class GLS(LossBalance):
    """Geometric loss strategy: Chennupati et al., 2019 ("MultiNet++: Multi-Stream Feature Aggregation and Geometric
    Loss Strategy for Multi-Task Learning").

    The loss is (L_1 ... L_T) ** (1 / T) over the tasks given. Its gradient is computed as that of the sum of w_i L_i
    with w_i = loss / (T L_i).
    """  # fmt: skip

    def weigh(self, losses: dict[str, float]) -> dict[str, float]:
        """See `LossBalance`; RecipeError for a loss below 0, for which no geometric mean exists."""
        for task, loss in losses.items():
            if loss < 0:
                raise RecipeError(
                    f"balance.name gls needs losses of at least 0, but task {task} has {loss:.3g}; use dwa"
                )
        kept = {task: max(loss, TINY) for task, loss in losses.items()}
        mean = math.exp(sum(map(math.log, kept.values())) / len(kept))
        return {task: mean / (len(kept) * loss) for task, loss in kept.items()}
