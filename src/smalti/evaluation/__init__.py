"""Evaluates a model on images with ground truth; scores carry their protocol."""

from smalti.evaluation.classes import ClassResult, ImageRow
from smalti.evaluation.pairs import Pair, find_pairs
from smalti.evaluation.result import Evaluation, Result
from smalti.evaluation.run import evaluate
from smalti.evaluation.tiles import ClassTile
from smalti.evaluation.values import ValueResult

__all__ = [
    "ClassResult",
    "ClassTile",
    "Evaluation",
    "ImageRow",
    "Pair",
    "Result",
    "ValueResult",
    "evaluate",
    "find_pairs",
]
