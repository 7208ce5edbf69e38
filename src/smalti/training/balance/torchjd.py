"""Aggregators of TorchJD (Quinton and Rey, 2024, "Jacobian Descent for Multi-Objective Optimization").

An optional dependency; pinned, since its interface changes between versions.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from smalti.errors import DivergedError, MissingExtraError, RecipeError
from smalti.training.balance.balance import Backward, GradientBalance, Losses, add_gradient

PREFIX = "torchjd:"


class TorchJD(GradientBalance):
    """An aggregator by its name in TorchJD: takes a matrix of the tasks' gradients, returns one gradient.

    Many return a mean where a sum of losses has a sum: SGD may need a learning rate higher by the number of tasks.
    """

    options = ("aggregator", "options", "seed")

    def __init__(self, weights: Mapping[str, float], aggregator: str, options: Mapping[str, float], seed: int) -> None:
        """Makes the aggregator with its options.

        Raises:
            MissingExtraError: TorchJD is not installed.
            RecipeError: an unknown name, invalid options, a missing solver, or an aggregator whose state cannot be
            saved.
        """
        super().__init__(weights)
        self._name, self._seed, self._batches = aggregator, seed, 0
        module = _import()
        self._aggregator = _make(module, aggregator, options)
        self._used: list[float] = []
        if isinstance(self._aggregator, module.WeightedAggregator):
            self._aggregator.weighting.register_forward_hook(self._note)

    def state_dict(self) -> dict[str, Any]:
        """See `Balance`."""
        return {"batches": self._batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Balance`."""
        self._batches = state["batches"]

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """See `Balance`. Empty for aggregators without weights."""
        add_gradient(shared, self._aggregate(self.rows(losses, shared, backward)))
        return dict(zip(losses, self._used, strict=True)) if self._used else {}

    def _aggregate(self, rows: Tensor) -> Tensor:
        """One gradient from all; random draws depend on the seed and the number of the batch alone."""
        device = [rows.device] if rows.device.type == "cuda" else []
        with torch.random.fork_rng(device):
            torch.manual_seed(self._seed + self._batches)
            self._batches += 1
            try:
                total: Tensor = self._aggregator(rows)
            except Exception as error:  # each solver raises errors of its own family
                raise DivergedError(
                    f"balance.name {PREFIX}{self._name}: failed for these gradients: {_line(error)}; "
                    "lower optim.lr, or use another balance"
                ) from None
        return total

    def _note(self, module: nn.Module, given: Any, weights: Tensor) -> None:
        self._used = weights.tolist()


def _make(module: ModuleType, name: str, options: Mapping[str, float]) -> nn.Module:
    kinds = {key: getattr(module, key) for key in module.__all__}
    known = {
        key: kind for key, kind in kinds.items() if issubclass(kind, module.Aggregator) and "Aggregator" not in key
    }
    if name not in known:
        raise RecipeError(f"balance.name: TorchJD has no aggregator {name!r}; it has {', '.join(known)}")
    if hasattr(known[name], "reset"):
        raise RecipeError(f"balance.name: {PREFIX}{name} has a state that cannot be resumed; use another")
    try:
        made: nn.Module = known[name](**options)
    except ImportError as error:
        raise RecipeError(f"balance.name {PREFIX}{name}: {_line(error)}") from None
    except (TypeError, ValueError) as error:
        raise RecipeError(f"balance.options {dict(options)} are invalid for {PREFIX}{name}: {_line(error)}") from None
    return made


def _import() -> ModuleType:
    try:
        from torchjd import aggregation
    except ModuleNotFoundError:
        raise MissingExtraError("torchjd", "balance") from None
    module: ModuleType = aggregation
    return module


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
