"""Drawn scenes with exact ground truth: endless towns and countryside, pure functions of a seed, pixels of 0.3 m."""

from importlib.util import find_spec

from smalti.errors import MissingExtraError

if find_spec("cv2") is None:
    raise MissingExtraError("OpenCV, which draws scenes,", "draw")
if find_spec("pyogrio") is None:
    raise MissingExtraError("pyogrio, which writes the buildings of drawn scenes,", "draw")

from smalti.synth.drawing import Drawing
from smalti.synth.materials import CLASSES
from smalti.synth.scene import draw

__all__ = ["CLASSES", "Drawing", "draw"]
