"""Drawn scenes with exact ground truth: endless towns and countryside, pure functions of a seed, pixels of 0.3 m."""

from importlib.util import find_spec

from smalti.errors import MissingExtraError

for package, name in (("cv2", "OpenCV"), ("pyogrio", "pyogrio")):
    if find_spec(package) is None:
        raise MissingExtraError(f"{name}, which draws scenes,", "draw")

from smalti.synth.drawing import Drawing
from smalti.synth.materials import CLASSES
from smalti.synth.scene import draw

__all__ = ["CLASSES", "Drawing", "draw"]
