"""The walk through a folder: list its photos, look at each once, group them, rank them.

Two threads look, because decoding, cues and network all let go of the interpreter, and because each holds one decoded
photo: the memory needed is that of two photos, whatever the size of the folder.
"""

import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.card import Card
from smalti.errors import MissingExtraError, RasterError, SmaltiError
from smalti.lock import hold
from smalti.photos.blocks import measure
from smalti.photos.brackets import kind_of
from smalti.photos.cache import Looks, place_for
from smalti.photos.choices import match, overrule, regroup
from smalti.photos.cues import CUES, measures
from smalti.photos.group import group
from smalti.photos.listing import Shot
from smalti.photos.overview import overview
from smalti.photos.photo import Choice, Look, Photo, RankedFolder, Series, Unread
from smalti.photos.rank import rank
from smalti.photos.read import open_photo, pixels

WORKERS = 2
LARGE = 40_000_000
"""Pixels above which only one photo is decoded at a time."""
_SAMPLES = 64  # pixels along each side of a cell of the hash; more change no bit that matters

Seen = tuple[Photo, Look]
Keep = Callable[[Photo, NDArray[np.uint8]], None]


class Ranker(Protocol):
    """What `runtime.ranker` opens."""

    card: Card
    sha256: str

    def __call__(
        self, images: NDArray[np.uint8], cues: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Pictures N,3,SIDE,SIDE and cues N,K -> scores (N,) and embeddings N,D of unit length."""
        ...


def rank_photos(
    folder: Path,
    shots: Sequence[Shot],
    ranker: Ranker,
    progress: Callable[[int], None] = lambda _: None,
    keep: Keep = lambda *_: None,
    choices: Sequence[Choice] = (),
    grouped: Callable[[int], None] = lambda _: None,
) -> RankedFolder:
    """Looks at photos of a folder, groups and ranks them; `progress` is told how many more were looked at, `grouped`
    how many more have their series.

    What a person decided (`choices`) goes before the program's series and the model's verdicts.

    `keep` is handed each photo that is decoded, in the thread that did so: what else is to be made of it is made there.
    What was looked at is kept, so that a run that was cut short goes on. A file that cannot be read is listed with its
    reason, and the rest goes on. BusyError if another process is at this folder; OutputError if the disk is full.
    """
    home = place_for(folder)
    place = home and home / "looks.sqlite"
    with hold(place) if place else nullcontext(), closing(Looks(place, ranker.sha256)) as known:
        seen, unread = _look_at_all(shots, ranker, known, progress, keep)
    photos, looks = [photo for photo, _ in seen], [look for _, look in seen]
    found = match(choices, photos, folder)
    hand = {i: choice.series for i, choice in found.items() if choice.series is not None}
    chosen = {photos[i].path: choice for i, choice in found.items()}
    series = tuple(
        overrule(
            _ranked(folder, [photos[i] for i in members], [looks[i] for i in members], any(i in hand for i in members)),
            chosen,
        )
        for members in regroup(group(photos, looks, grouped), photos, hand)
    )
    return RankedFolder(series, tuple(unread), ranker.card.name, _how(ranker, series, unread), chosen)


def look_at(picture: NDArray[np.uint8], ranker: Ranker) -> Look:
    """One look at an upright photo H,W,3 (RGB)."""
    measured = measures(picture)
    scores, embeddings = ranker(overview(picture)[None], measured[None, : len(CUES)])
    return Look(measured, embeddings[0], dhash(picture), float(scores[0]), measure(picture))


def dhash(picture: NDArray[np.uint8]) -> int:
    """64 bits: whether each of 8 x 8 cells is darker than the one to its right (difference hash; Krawetz, 2013).

    Every so many pixels of a large photo are left out before the cells are averaged.
    """
    height, width, _ = picture.shape
    step_down, step_right = max(1, height // (8 * _SAMPLES)), max(1, width // (9 * _SAMPLES))
    some = np.ascontiguousarray(picture[::step_down, ::step_right])
    grey = cv2.cvtColor(cv2.resize(some, (9, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return int.from_bytes(np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes(), "big")


def _look_at_all(
    shots: Sequence[Shot], ranker: Ranker, known: Looks, progress: Callable[[int], None], keep: Keep
) -> tuple[list[Seen], list[Unread]]:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # Unread says it
    large = threading.Lock()

    def see(shot: Shot) -> Seen | Unread:
        try:
            return _see(shot, ranker, known, large, keep)
        except (RasterError, MissingExtraError) as error:
            return Unread(shot.path, str(error).removeprefix(f"{shot.path}: "))
        except SmaltiError:
            raise
        except Exception as error:  # one file never ends a run, whatever a library makes of it
            first = str(error).strip().partition("\n")[0]
            return Unread(shot.path, f"cannot be looked at ({type(error).__name__}: {first}); export it as JPEG")

    seen: list[Seen] = []
    unread: list[Unread] = []
    with (
        warnings.catch_warnings(action="ignore"),
        closing(_in_threads(see, shots)) as all_found,
    ):  # what has not begun is dropped, also after Ctrl-C
        for found in all_found:
            if isinstance(found, Unread):
                unread.append(found)
            else:
                seen.append(found)
                known.put(found[0].sha256, found[1])
            progress(1)
    return seen, unread


def _in_threads(see: Callable[[Shot], Seen | Unread], shots: Sequence[Shot]) -> Generator[Seen | Unread, None, None]:
    """In the order of the shots; what has not begun is dropped when this is closed."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(see, shots)


def _see(shot: Shot, ranker: Ranker, known: Looks, large: threading.Lock, keep: Keep) -> Seen:
    opened = open_photo(shot)
    photo = opened.photo
    look = known.get(photo.sha256)
    if look is None:
        alone: AbstractContextManager[object] = large if photo.width * photo.height > LARGE else nullcontext()
        with alone:
            picture = pixels(opened)
            look = look_at(picture, ranker)
            keep(photo, picture)
    return photo, look


def _ranked(folder: Path, photos: Sequence[Photo], looks: Sequence[Look], by_hand: bool) -> Series:
    """Who puts photos into a series by hand wants its best one, also of a bracket."""
    kind = "series" if by_hand else kind_of(photos, looks)
    return rank(_name(folder, photos[0]), photos, looks, kind)


def _name(folder: Path, first: Photo) -> str:
    return first.path.relative_to(folder).as_posix()


def _how(ranker: Ranker, series: Sequence[Series], unread: Sequence[Unread]) -> str:
    number = sum(len(one.ranked) for one in series)
    left = f", {len(unread)} not read" if unread else ""
    by = f"{ranker.card.name} ({ranker.sha256[:8]})"
    return f"{number} photos in {len(series)} series by time and likeness, ranked by {by}{left}"
