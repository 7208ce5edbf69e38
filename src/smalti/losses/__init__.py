"""Losses of pixel classes; pixels that are invalid or labelled `ignore` count nowhere.

A term is a frozen table of settings that can be called with one task's outputs and labels; `LossSettings` has them by
name, and `make_loss` sums them, each with its weight.
"""

from smalti.losses.boundary import edge_targets
from smalti.losses.labels import Labels, one_hot
from smalti.losses.loss import Loss, LossSettings, make_loss
from smalti.losses.term import Outputs, Term

__all__ = ["Labels", "Loss", "LossSettings", "Outputs", "Term", "edge_targets", "make_loss", "one_hot"]
