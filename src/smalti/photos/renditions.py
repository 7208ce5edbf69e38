"""Full-size JPEGs of photos that browsers cannot show (HEIC, TIFF, RAW, ...), beside the thumbnails of a page.

They are bounded: larger pictures are shrunk, and no more are made when all together reach a limit. A note for each
photo says what it lacks.
"""

import math
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from smalti.arrays import Picture
from smalti.endings import RAW
from smalti.errors import InputError, MissingExtraError
from smalti.files import deliver, guarded
from smalti.photos.listing import Shot
from smalti.photos.photo import Photo
from smalti.photos.read import open_photo, pixels
from smalti.photos.thumbs import encoded

MOST_PIXELS = 50_000_000
"""Maximum of a rendition; a larger picture is shrunk."""
MOST_SIDE = 65_000
"""Maximum side of a rendition, in pixels; the limit of JPEG is little higher."""
MOST_BYTES = 2 << 30
"""Maximum of all renditions of a page together."""

_QUALITY = 90
_NAME = re.compile(r"[0-9a-f]{32}-full\.jpg")
_HEAD = 32  # bytes that identify the format
_SHOWN = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")


@dataclass(frozen=True, slots=True)
class Full:
    """What the page shows of a photo in full size."""

    path: Path | None
    """A file that browsers can show; None if there is none."""
    note: str = ""
    """A note to show with it."""


class Renditions:
    """The renditions in a page's folder of thumbnails; its methods may be called by several threads."""

    def __init__(self, folder: Path) -> None:
        """`folder` need not exist."""
        self._folder = folder
        self._one_writer = threading.Lock()
        with guarded(folder):
            found = list(folder.iterdir()) if folder.is_dir() else []
            self._bytes = sum(path.stat().st_size for path in found if _NAME.fullmatch(path.name))

    def keep(self, photo: Photo, picture: Picture) -> None:
        """Writes the rendition of a photo that needs one; raises OutputError.

        Args:
            photo: the photo.
            picture: its pixels, upright, H,W,3 uint8 (RGB).
        """
        path = self._path(photo)
        if shown_by_browsers(photo) is None and not path.exists() and self._bytes < MOST_BYTES:
            content = encoded(_bounded(picture), _QUALITY)
            with self._one_writer:
                deliver(path, content)
                self._bytes += len(content)

    def full(self, photo: Photo) -> Full:
        """The full-size view of a photo; makes its rendition if missing. Raises OutputError."""
        shown = shown_by_browsers(photo)
        if shown is not None:
            return Full(shown)
        path = self._path(photo)
        if not path.exists():
            if self._bytes >= MOST_BYTES:
                return Full(None, f"thumbnail only: the {MOST_BYTES >> 30} GB for full-size copies are used up")
            try:
                self.keep(photo, pixels(open_photo(Shot(photo.path, photo.files))))
            except (InputError, MissingExtraError):
                return Full(None, "thumbnail only: the file can no longer be read")
        return Full(path, _note(photo))

    def keep_only(self, photos: Iterable[Photo]) -> None:
        """Removes the renditions of all other photos; raises OutputError."""
        wanted = {self._path(photo) for photo in photos}
        with guarded(self._folder):
            for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else []:
                if _NAME.fullmatch(path.name) and path not in wanted:
                    self._bytes -= path.stat().st_size
                    path.unlink()

    def _path(self, photo: Photo) -> Path:
        return self._folder / f"{photo.sha256[:32]}-full.jpg"


def shown_by_browsers(photo: Photo) -> Path | None:
    """The first of a photo's files that every browser can show, by its first bytes; None if there is none."""
    return next((file for file in photo.files if _shows(file)), None)


def _shows(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
    except OSError:
        return False
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP" and not _has_exif(head)
    return head.startswith(_SHOWN) or webp or head[4:12] == b"ftypavif"


def _has_exif(webp: bytes) -> bool:
    """By its first bytes; browsers do not rotate a WebP by its EXIF orientation."""
    return webp[12:16] == b"VP8X" and bool(webp[20] & 0x08)


def _bounded(picture: Picture) -> Picture:
    height, width, _ = picture.shape
    times = _shrinkage(height, width)
    if times == 1:
        return picture
    size = max(1, int(width * times)), max(1, int(height * times))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _shrinkage(height: int, width: int) -> float:
    """The rendition's side divided by the photo's."""
    return min(1.0, math.sqrt(MOST_PIXELS / (height * width)), MOST_SIDE / max(height, width))


def _note(photo: Photo) -> str:
    what = "the camera's JPEG inside the RAW" if photo.path.suffix.lower() in RAW else "a JPEG copy"
    share = _shrinkage(photo.height, photo.width)
    return what if share == 1 else f"{what}, at {100 * share:.0f} % of its size"
