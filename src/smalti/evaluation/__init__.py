"""How good a model is on images with truth: whole images in, scores that carry their protocol out."""

from smalti.evaluation.classes import Evaluation, ImageRow
from smalti.evaluation.pairs import Pair, find_pairs
from smalti.evaluation.run import TaskResult, evaluate, evaluate_tasks
from smalti.evaluation.tiles import ClassTile
from smalti.evaluation.values import ValueEvaluation

__all__ = [
    "ClassTile",
    "Evaluation",
    "ImageRow",
    "Pair",
    "TaskResult",
    "ValueEvaluation",
    "evaluate",
    "evaluate_tasks",
    "find_pairs",
]
