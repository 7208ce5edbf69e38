"""Options for a model's encoder in training: keep it frozen, recompute its stages to save memory."""

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from smalti.errors import RecipeError


def encoder_of(model: nn.Module, setting: str) -> nn.Module:
    """The encoder, or the list of encoders where each task has its own.

    RecipeError that names `setting`, which needs an encoder, if the model has none.
    """
    encoder = getattr(getattr(model, "net", None), "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise RecipeError(f"{setting} needs a net with an encoder; this one has none")
    return encoder


class Freezing:
    """Freezes the encoder in the first steps, or always: its weights, and the statistics of its batch norms."""

    def __init__(self, model: nn.Module, until: int | Literal["always"]) -> None:
        self._until = until
        self._encoder = encoder_of(model, "optim.freeze_encoder") if until else None
        if until == "always":
            self.set_mode(0)  # frozen parameters belong in no group of the optimizer

    def set_mode(self, step: int) -> None:
        """Call after `model.train()` at each step (from 0)."""
        if self._encoder is None:
            return
        frozen = self._until == "always" or step < self._until
        self._encoder.requires_grad_(not frozen)
        self._encoder.train(not frozen)


def recompute_stages(model: nn.Module) -> None:
    """Gradient checkpointing (Chen et al., 2016): of each stage of the encoder only the input is kept.

    Recomputation does not update the batch norms' statistics a second time.
    """
    encoder = encoder_of(model, "train.recompute")
    for one in encoder if isinstance(encoder, nn.ModuleList) else [encoder]:
        _recompute(one)


def _recompute(encoder: nn.Module) -> None:
    stages = getattr(encoder, "stages", None)
    if not isinstance(stages, nn.ModuleList):
        raise RecipeError("train.recompute needs an encoder with stages; this one has none")
    for stage in stages:
        contexts = partial(_contexts, stage)
        stage.forward = partial(checkpoint, stage.forward, use_reentrant=False, context_fn=contexts)


def _contexts(stage: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _StatisticsKept(stage)


class _StatisticsKept(AbstractContextManager[None]):
    """Entered once for each backward pass of the same batch: a balance of tasks may make several."""

    def __init__(self, stage: nn.Module) -> None:
        self._stage = stage

    def __enter__(self) -> None:
        modules = self._stage.modules()
        self._norms = [module for module in modules if isinstance(module, _BatchNorm) and module.training]
        self._momenta = [norm.momentum for norm in self._norms]
        for norm in self._norms:
            norm.momentum = 0.0

    def __exit__(self, *error: object) -> None:
        for norm, momentum in zip(self._norms, self._momenta, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked -= 1
