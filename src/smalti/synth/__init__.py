"""Drawn scenes with exact ground truth: endless towns and countryside, pure functions of a seed, pixels of 0.3 m."""

from smalti.synth.drawing import Drawing
from smalti.synth.materials import CLASSES
from smalti.synth.scene import draw

__all__ = ["CLASSES", "Drawing", "draw"]
