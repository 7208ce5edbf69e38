"""Losses of classes and of values per pixel; pixels that are invalid or without ground truth are ignored.

A term is a frozen table of settings that can be called with one task's outputs and labels; `LossSettings` has them by
name, and `make_loss` sums them, each with its weight. `value` has the same for heights and depths.
"""

from smalti.losses.boundary import edge_labels, edge_targets
from smalti.losses.labels import Labels, one_hot
from smalti.losses.loss import Loss, LossSettings, make_loss
from smalti.losses.term import LOSSES, Outputs, Term
from smalti.losses.value import ValueLoss, ValueLossSettings, ValueTerm

__all__ = [
    "LOSSES",
    "Labels",
    "Loss",
    "LossSettings",
    "Outputs",
    "Term",
    "ValueLoss",
    "ValueLossSettings",
    "ValueTerm",
    "edge_labels",
    "edge_targets",
    "make_loss",
    "one_hot",
]
