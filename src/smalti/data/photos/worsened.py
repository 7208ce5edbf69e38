"""Synthetic series: an original and degraded photos of it, whose order is known."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from smalti.arrays import Picture
from smalti.data.photos.ladder import (
    LADDERS,
    SPREAD,
    Base,
    damage_of,
    draw_steps,
    framing_of,
    strengths,
    truth_of,
)
from smalti.data.photos.series import ENDINGS, Truth
from smalti.data.photos.subject import with_subject
from smalti.data.photos.worsen import framed, worsened
from smalti.datasets.folder import files_below, is_of_the_system
from smalti.errors import DataError
from smalti.photos.cues import CUES, cues
from smalti.photos.listing import Shot
from smalti.photos.read import open_photo, read_photo
from smalti.synth.scene import draw
from smalti.tiling import Window

ASPECTS = (3 / 2, 4 / 3, 1.0, 3 / 4, 2 / 3)  # width / height
ROOM = {"plain": 0.92, "tilt": 0.78, "cut": 0.62}  # the frame as a share of the original, so that views stay inside
PASTED = 0.6  # share of the series whose subject is pasted from another original
ENLARGED = 1.3  # maximum; photos that are enlarged more are soft everywhere
SMALLEST = 360  # minimum of an original's shorter side, in pixels
DRAWN_SIDE = 1500
HELD = 24  # drawn scenes kept in memory, 7 MB each


class Worsened:
    """`count` series from originals; the original and its degradations depend only on the seed and the number."""

    def __init__(
        self, originals: Sequence[Path], drawn: Sequence[int], count: int, photos: tuple[int, int], side: int, seed: int
    ) -> None:
        """`photos` is the smallest and largest number in a series, `side` the longest side in pixels."""
        self._originals: list[tuple[str, Callable[[], Picture]]] = [
            *((str(path.resolve()), lambda path=path: read_photo(path)) for path in originals),
            *((f"drawn scene {number}", lambda number=number: _drawn(number)) for number in drawn),
        ]
        if not self._originals:
            raise DataError("no originals for synthetic series; give folders of originals, or seeds of drawn scenes")
        self._count, self._photos, self._side, self._seed = count, photos, side, seed
        self._known: dict[int, list[str]] = {}
        self.keys = frozenset(name for name, _ in self._originals)
        self.files = list(originals)

    def __len__(self) -> int:
        """See `Collection`."""
        return self._count

    def truth(self, number: int) -> Truth:
        """See `Collection`."""
        return self._plan(number)[0]

    def pixels(self, number: int) -> Iterator[Picture]:
        """See `Collection`; RasterError for an original that cannot be read."""
        _, kinds, steps, rng = self._plan(number)
        original, centre, size = self._frame(number, kinds, rng)
        base, harder = Base.draw(rng), float(np.exp2(rng.uniform(-SPREAD, SPREAD)))
        mask = None
        if "misfocus" in kinds:
            other = self._originals[int(rng.integers(len(self._originals)))][1]() if rng.random() < PASTED else None
            original, mask = with_subject(original, centre, size, other, rng)
        for row in steps:
            amounts = strengths(kinds, row, harder)
            view = framing_of(amounts, rng)
            photo = framed(original, centre, size, view)
            subject = None if mask is None else framed(mask, centre, size, view)
            yield worsened(photo, damage_of(amounts, base), rng, subject)

    def _plan(self, number: int) -> tuple[Truth, list[str], NDArray[np.int64], Generator]:
        rng = np.random.default_rng([self._seed, number])
        name, _ = self._originals[self._which(number)]
        photos = int(rng.integers(self._photos[0], self._photos[1] + 1))
        kinds, steps = draw_steps(self._kinds(self._which(number)), photos, rng)
        shuffled = rng.permutation(len(steps))  # otherwise the undegraded one would always come first
        title = f"{Path(name).stem} {number}: {', '.join(kinds)}"
        return truth_of(title, steps[shuffled]), kinds, steps[shuffled], rng

    def _which(self, number: int) -> int:
        return int(np.random.default_rng([self._seed, number, 1]).integers(len(self._originals)))

    def _kinds(self, which: int) -> list[str]:
        if which not in self._known:
            self._known[which] = applicable(self._originals[which][1]())
        return self._known[which]

    def _frame(
        self, number: int, kinds: list[str], rng: Generator
    ) -> tuple[Picture, tuple[float, float], tuple[int, int]]:
        """The original at the photos' scale, and the centre and size (rows, columns) of the frame in it."""
        original = self._originals[self._which(number)][1]()
        share = min(ROOM[kind] for kind in ("plain", *kinds) if kind in ROOM)
        height, width = original.shape[:2]
        aspect = float(rng.choice(ASPECTS))
        tall = share * min(height, width / aspect)
        longest = max(tall, tall * aspect)
        factor = min(float(rng.uniform(0.6, 1.0)) * self._side / longest, ENLARGED)
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        scaled = cv2.resize(original, None, fx=factor, fy=factor, interpolation=method).astype(np.uint8, copy=False)
        size = (max(32, round(tall * factor)), max(32, round(tall * aspect * factor)))
        slack = np.array(scaled.shape[:2]) - size
        off = slack / 2 if "cut" in kinds else slack * rng.uniform(0.3, 0.7, 2)
        return scaled, (float(off[0] + size[0] / 2), float(off[1] + size[1] / 2)), size


def applicable(original: Picture) -> list[str]:
    """The kinds that certainly degrade this original: a dark one may gain by more light, tilt needs straight lines."""
    factor = min(1.0, 800 / max(original.shape[:2]))
    small = cv2.resize(original, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)
    seen = dict(zip(CUES, cues(small).tolist(), strict=True))
    ruled_out = {
        "dark": seen["brightness"] > 0.6,
        "bright": seen["brightness"] < 0.35,
        "tilt": seen["upright"] < 1.2 or seen["tilt"] > 1.5,
        "cut": seen["border"] > -0.35 or seen["off_centre"] > 0.25,
    }
    return [kind for kind in LADDERS if not ruled_out.get(kind, False)]


@lru_cache(maxsize=HELD)
def _drawn(seed: int) -> Picture:
    return np.ascontiguousarray(draw(Window(0, 0, DRAWN_SIDE, DRAWN_SIDE), seed).image.transpose(1, 2, 0))


def find_originals(folders: Sequence[Path]) -> list[Path]:
    """The given photos and those in folders, searched recursively, sorted by name; small ones are skipped.

    DataError for a folder without photos, RasterError for a photo whose headers cannot be read.
    """
    found: list[Path] = []
    for folder in folders:
        inside = [folder] if folder.is_file() else _below(folder)
        files = sorted(path for path in inside if path.suffix.lower() in ENDINGS)
        here = [path for path in files if _side(path) >= SMALLEST]
        if not here:
            what = f"none of {len(files)} photos has {SMALLEST} pixels on its shorter side" if files else "no photos"
            raise DataError(f"{folder}: {what}; expected {', '.join(ENDINGS)}")
        found += here
    return found


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in files_below(folder) if not is_of_the_system(path.relative_to(folder)))


def _side(path: Path) -> int:
    photo = open_photo(Shot(path, (path,))).photo
    return min(photo.height, photo.width)
