"""Fixed weights from the recipe."""

from collections.abc import Mapping

from smalti.training.balance.balance import LossBalance


class Fixed(LossBalance):
    """The sum of the losses, each times its task's weight in the recipe."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__(weights)
        self._weights = dict(weights)

    def weigh(self, losses: dict[str, float]) -> dict[str, float]:
        """See `LossBalance`."""
        return {task: self._weights[task] for task in losses}
