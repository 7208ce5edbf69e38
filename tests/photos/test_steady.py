"""The same photo keeps its score when it is kept otherwise: a row less, turned, mirrored, mildly resized."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from smalti.photos.cues import CUES
from smalti.photos.read import read_photo
from smalti.photos.run import look_at
from smalti.runtime.ranker import Ranker, open_ranker

Photo = np.ndarray
NEAR, RESIZED = 0.02, 0.04
"""How far from one half the chance may lie that a photo beats itself; resizing a megapixel blurs it a little."""
SIZES = ((600, 900), (801, 600), (720, 960), (683, 1024), (900, 1351))


def smaller(photo: Photo, method: int) -> Photo:
    size = round(0.99 * photo.shape[1]), round(0.99 * photo.shape[0])
    return np.asarray(cv2.resize(photo, size, interpolation=method))


KEPT: dict[str, Callable[[Photo], Photo]] = {
    "a row less": lambda photo: photo[:-1],
    "a row and a column less": lambda photo: photo[1:, :-1],
    "a quarter turn": np.rot90,
    "half a turn": lambda photo: photo[::-1, ::-1],
    "mirrored": lambda photo: photo[:, ::-1],
    "0.99, areas": lambda photo: smaller(photo, cv2.INTER_AREA),
    "0.99, cubic": lambda photo: smaller(photo, cv2.INTER_CUBIC),
}


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return open_ranker("bestshot", CUES, threads=1)


def drawn(number: int) -> Photo:
    """A photo of shapes, some of them textured, on a slope of light; sharp as a camera has it, with a little noise."""
    rng = np.random.default_rng([7, number])
    height, width = SIZES[number % len(SIZES)]
    coarse = rng.integers(40, 215, (4, 5, 3), np.uint8)
    photo = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(60):
        middle = int(rng.integers(width)), int(rng.integers(height))
        axes = int(rng.integers(4, width // 6)), int(rng.integers(4, height // 6))
        colour = rng.integers(0, 256, 3).tolist()
        cv2.ellipse(photo, middle, axes, float(rng.uniform(0, 180)), 0, 360, colour, int(rng.choice((-1, 2, 5))))
    grain = cv2.GaussianBlur(rng.normal(0, 12, photo.shape), (0, 0), 1.5)
    photo = cv2.GaussianBlur(np.clip(photo + grain, 0, 255), (0, 0), 0.8) + rng.normal(0, 1.5, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8)


def off(photo: Photo, ranker: Ranker) -> dict[str, float]:
    """How far P(the same photo, kept otherwise, is better) lies from one half."""
    score = look_at(photo, ranker).score
    others = {name: look_at(np.ascontiguousarray(keep(photo)), ranker).score for name, keep in KEPT.items()}
    return {name: abs(1 / (1 + np.exp(score - other)) - 0.5) for name, other in others.items()}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_twenty_photos_keep_their_scores(ranker: Ranker, part: int) -> None:
    found = {(number, *item) for number in range(5 * part, 5 * part + 5) for item in off(drawn(number), ranker).items()}
    assert not {one for one in found if one[2] > (RESIZED if one[1].startswith("0.99") else NEAR)}


@pytest.mark.slow
def test_real_photos_keep_their_scores(ranker: Ranker, shared_data: Path) -> None:
    files = sorted((shared_data / "series-photos" / "spring-cleaning").glob("*.JPG"))
    if not files:
        pytest.skip("no photos")
    found = {(path.stem, *item) for path in files[::4] for item in off(read_photo(path), ranker).items()}
    assert not {one for one in found if one[2] > (RESIZED if one[1].startswith("0.99") else NEAR)}
