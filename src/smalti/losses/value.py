"""Losses of values per pixel: heights, depths. Pixels that are invalid or have no known value are ignored."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import BaseModel, Field
from torch import Tensor

from smalti.card import Task
from smalti.losses.term import Outputs, Terms, Weighted

LEAST = 1e-3
"""Predictions are raised to at least this before the logarithm."""


class ValueTerm(Weighted):
    """One term of the loss of a task of values."""

    def __call__(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """The term without its weight, a scalar; `prediction` and `truth` are float32 of P > 0 pixels."""
        raise NotImplementedError


class L1(ValueTerm):
    """The mean absolute error."""

    def __call__(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """See `ValueTerm`."""
        return (prediction - truth).abs().mean()


class SmoothL1(ValueTerm):
    """|e| - beta / 2 where the error is above beta, e² / (2 beta) below (Girshick, 2015, with beta 1); mean."""

    beta: float = Field(1.0, gt=0)
    """In the unit of the task."""

    def __call__(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """See `ValueTerm`."""
        return F.smooth_l1_loss(prediction, truth, beta=self.beta)


class Huber(ValueTerm):
    """e² / 2 where the error is below delta, delta (|e| - delta / 2) above (Huber, 1964); mean."""

    delta: float = Field(1.0, gt=0)
    """In the unit of the task."""

    def __call__(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """See `ValueTerm`."""
        return F.huber_loss(prediction, truth, delta=self.delta)


class BerHu(ValueTerm):
    """The reverse Huber loss: |e| where the error is below c, (e² + c²) / (2 c) above (Laina et al., 2016); mean.

    c is a share of the largest error of the batch, and has no gradient.
    """

    share: float = Field(0.2, gt=0, le=1)
    """c relative to the largest error."""

    def __call__(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """See `ValueTerm`."""
        errors = (prediction - truth).abs()  # P
        c = self.share * errors.detach().max()
        # Where all errors are 0, so is c: the branch not taken must have a finite gradient.
        return torch.where(errors <= c, errors, (errors**2 + c**2) / (2 * c.clamp_min(1e-12))).mean()


class _Raised(torch.autograd.Function):
    """Predictions raised to `LEAST`, which keep a gradient that raises them: with none they would stay below."""

    @staticmethod
    def forward(ctx: Any, prediction: Tensor) -> Tensor:
        ctx.save_for_backward(prediction)
        return prediction.clamp_min(LEAST)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (prediction,) = ctx.saved_tensors
        lowers = (prediction < LEAST) & (gradient > 0)  # of a descent
        return gradient.masked_fill(lowers, 0)


class SILog(ValueTerm):
    """The scale-invariant error of logarithms, mean(d²) - invariance mean(d)², d = log prediction - log truth.

    After Eigen et al., 2014. Only pixels whose truth is above a threshold count: near 0 logarithms mean nothing.
    The paper's net predicts logarithms, ours values, which are raised to 0.001 first: a value below it costs as much
    as 0.001, and has the gradient of 0.001, but only one that raises it.
    """

    invariance: float = Field(0.5, ge=0, le=1)
    """With 1 a common factor of all predictions costs nothing, with 0 all of it; the paper trains with 0.5."""
    above: float = Field(0.0, ge=0)
    """The threshold, in the unit of the task."""

    def __call__(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """See `ValueTerm`; 0 with a gradient of 0 where no pixel is above the threshold."""
        far = truth > self.above
        if not far.any():
            return 0 * prediction.sum()
        raised: Tensor = _Raised.apply(prediction[far])  # type: ignore[no-untyped-call]
        d = raised.log() - truth[far].log()
        return (d**2).mean() - self.invariance * d.mean() ** 2


class ValueLossSettings(Terms):
    """The terms of the loss, summed. Each is a weight, or a table: `huber = { weight = 0.5, delta = 2.0 }`."""

    base: ClassVar[type[BaseModel]] = ValueTerm

    berhu: BerHu | None = None
    l1: L1 | None = None
    smooth_l1: SmoothL1 | None = None
    huber: Huber | None = None
    silog: SILog | None = None

    def terms(self) -> dict[str, ValueTerm]:
        """The terms with a weight, by name."""
        return self.given()


class ValueLoss:
    """A weighted sum of terms for one task of values; call it to get each term, already weighted, by name."""

    def __init__(self, settings: ValueLossSettings, task: Task) -> None:
        self.terms = settings.terms()
        self.task = task

    def __call__(self, outputs: Outputs, targets: Mapping[str, Tensor], valid: Tensor) -> dict[str, Tensor]:
        """Scalars by name of the term; none where no pixel counts.

        Args:
            outputs: values N,1,H,W by task.
            targets: values N,H,W by task, NaN where unknown.
            valid: N,H,W bool.
        """
        truth = targets[self.task.name]
        usable = valid & truth.isfinite()
        if not usable.any():
            return {}
        prediction = outputs[self.task.name][:, 0].float()[usable]  # P
        known = truth[usable]
        return {
            name: ValueLossSettings.weighted(name, term, prediction, prediction, known)
            for name, term in self.terms.items()
        }
