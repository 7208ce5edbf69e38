"""The best photo of a series: groups the photos of a folder into series and ranks them. Nothing here needs torch."""

from importlib.util import find_spec

from smalti.errors import MissingExtraError

if find_spec("cv2") is None:
    raise MissingExtraError("OpenCV, which reads and measures photos,", "photos")
