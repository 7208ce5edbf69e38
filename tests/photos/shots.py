"""Photos for tests: drawn, saved with what a camera writes beside them, and a ranker that needs no model."""

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from PIL import Image

from smalti.photos.cues import CUES, MEASURES
from smalti.photos.photo import Look, Photo

SHARPNESS = CUES.index("fineness_0_p90")


def scene(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    """A picture H,W,3 that another seed makes quite different."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(0, 256, (5, 6, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    fine = rng.integers(-40, 41, (height, width, 1))
    return np.clip(coarse.astype(np.int16) + fine, 0, 255).astype(np.uint8)


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def tags(taken: str = "", sub: str = "", offset: str = "", orientation: int = 0, **more: Any) -> Image.Exif:
    """EXIF as a camera writes it; `more` may be serial, digitized, note, model."""
    found = Image.Exif()
    if orientation:
        found[0x0112] = orientation
    found[0x010F], found[0x0110] = "Acme", more.get("model", "One")
    inner = {0x9003: taken, 0x9291: sub, 0x9011: offset, 0xA431: more.get("serial"), 0x9004: more.get("digitized")}
    inner[0x927C] = more.get("note")
    found[0x8769] = {tag: value for tag, value in inner.items() if value}
    written = Image.Exif()  # only what was read can be written into a TIFF
    written.load(found.tobytes())
    return written


def save(path: Path, picture: np.ndarray, exif: Image.Exif | None = None, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, exif=exif or Image.Exif(), **options)
    return path


def raw(path: Path, preview: bytes, exif: Image.Exif | None = None) -> Path:
    """A TIFF-like RAW: EXIF in front, then noise, a thumbnail, the preview and noise."""
    noise = np.random.default_rng(0).integers(0, 255, 5000, np.uint8).tobytes()  # never 0xff: no marker by chance
    small = cv2.imencode(".jpg", scene(99, 12, 16))[1].tobytes()
    block = (exif or Image.Exif()).tobytes().removeprefix(b"Exif\0\0")
    path.write_bytes(block + noise + small + preview + noise)
    return path


def directory(entries: dict[int, tuple[int, int, bytes]], order: str = "<") -> bytes:
    """A TIFF structure of one directory: tag -> type, count, value of at most four bytes."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    body = b"".join(
        struct.pack(order + "HHI", tag, kind, count) + value for tag, (kind, count, value) in entries.items()
    )
    return head + struct.pack(order + "H", len(entries)) + body + bytes(4)


def photo(name: str, taken: float | None = None, camera: str = "one", burst: str = "") -> Photo:
    return Photo(Path(name), (Path(name),), taken, camera, burst, 60, 40, name, name, taken)


def look(towards: int, bits: int = 0, score: float = 0.0, lean: float = 0.0, **cues: float) -> Look:
    """A look whose embedding points along an axis and leans by so many radians, and whose hash has so many bits set."""
    embedding = np.zeros(8, np.float32)
    embedding[towards], embedding[7] = np.cos(lean), np.sin(lean)
    values = np.array([cues.get(name, 0.0) for name in MEASURES], np.float32)
    return Look(values, embedding, (1 << bits) - 1 << 8 * towards & (1 << 64) - 1, score)


class FakeRanker:
    """Scores by sharpness; embeds a photo as its colours in 8 x 8 cells. `seen` counts the photos."""

    card: Any = SimpleNamespace(name="fake")
    sha256 = "f" * 64

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, images: np.ndarray, cues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.seen += len(images)
        cells = [cv2.resize(i.transpose(1, 2, 0), (8, 8), interpolation=cv2.INTER_AREA).ravel() for i in images]
        embeddings = np.stack(cells).astype(np.float32) - 128
        return 4 * cues[:, SHARPNESS], embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
