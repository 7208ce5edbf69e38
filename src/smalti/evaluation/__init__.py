"""How good a model is on images with labels: whole images in, scores that carry their protocol out."""

from smalti.evaluation.pairs import Pair, find_pairs
from smalti.evaluation.result import Evaluation, ImageRow
from smalti.evaluation.run import evaluate
from smalti.evaluation.tiles import TileRow

__all__ = ["Evaluation", "ImageRow", "Pair", "TileRow", "evaluate", "find_pairs"]
