"""Results made up for the tests of what is written."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from smalti.photos.photo import Look, Photo, Ranked, RankedFolder, Series, Unread, Verdict


def draw(path: Path, size: tuple[int, int] = (60, 40), shade: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, 120, 30)).save(path)
    return path


def photo(path: Path, *others: Path, taken: float | None = None, camera: str = "") -> Photo:
    content = path.read_bytes() if path.exists() else b""
    digest = hashlib.sha256(content).hexdigest()
    return Photo(path, (path, *others), taken, camera, "", 6000, 4000, digest, digest[:32], taken)


def ranked(
    shot: Photo, verdict: Verdict = "pick", reasons: tuple[str, ...] = (), probability: float = 0.5, close: bool = False
) -> Ranked:
    look = Look(np.zeros(3, np.float32), np.zeros(3, np.float32), 0, -1.25)
    return Ranked(shot, look, verdict, reasons, probability, close)


def result(*series: tuple[Ranked, ...], unread: tuple[Unread, ...] = ()) -> RankedFolder:
    named = tuple(Series(f"series {k}", of) for k, of in enumerate(series, start=1))
    return RankedFolder(named, unread, "tiny", "by time and similarity")
