"""Drawn scenes with exact truth."""

from smalti.synth.materials import CLASSES
from smalti.synth.scene import Drawing, draw

__all__ = ["CLASSES", "Drawing", "draw"]
