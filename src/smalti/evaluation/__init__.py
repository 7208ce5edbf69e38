"""How good a model is on images with truth: whole images in, scores that carry their protocol out."""

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
