"""Ranks a folder: measures and scores each of its photos once, groups them, ranks them.

Two threads do so, because decoding, cues and network all release the GIL. Each holds one decoded photo, so the memory
needed is that of two photos, whatever the size of the folder.
"""

import threading
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
from smalti.photos.clocks import steady_clocks
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
_SAMPLES = 64  # pixels along each side of a cell of the hash; more hardly change the result

Seen = tuple[Photo, Look]
KeepPhoto = Callable[[Photo, NDArray[np.uint8]], None]


class Ranker(Protocol):
    """A ranking model as `runtime.ranker` opens it."""

    card: Card
    sha256: str

    def __call__(
        self, images: NDArray[np.uint8], cues: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores photos.

        Args:
            images: N,3,SIDE,SIDE uint8, by `photos.overview`.
            cues: N,K float32, by `photos.cues`.

        Returns:
            Scores (N,) and embeddings N,D of unit length, both float32.
        """
        ...


def rank_photos(
    folder: Path,
    shots: Sequence[Shot],
    *,
    ranker: Ranker,
    progress: Callable[[int], None] = lambda _: None,
    keep: KeepPhoto = lambda *_: None,
    choices: Sequence[Choice] = (),
    grouped: Callable[[int], None] = lambda _: None,
    home: Path | None = None,
) -> RankedFolder:
    """Groups and ranks the photos of a folder.

    Looks are cached, so that an interrupted run resumes. A file that cannot be read is listed with its reason, and the
    run continues.

    Args:
        folder: the folder.
        shots: its photos, by `listing.survey`.
        ranker: the model.
        progress: called with the number of photos processed since the last call.
        keep: called with each photo that is decoded and its pixels (H,W,3 uint8, RGB, upright), in the thread that
            decoded it, for thumbnails and the like.
        choices: of a person; they override the program's series and the model's verdicts.
        grouped: called with the number of photos assigned to a series since the last call.
        home: where looks are cached; by default with the photos, or in the user's cache folder.

    Raises:
        BusyError: another process works on this folder.
        OutputError: the disk is full.
    """
    home = home or place_for(folder)
    place = home and home / "looks.sqlite"
    with hold(place) if place else nullcontext(), closing(Looks(place, ranker.sha256)) as known:
        seen, unread = _look_at_all(shots, ranker, known, progress, keep)
    photos, looks = steady_clocks([photo for photo, _ in seen]), [look for _, look in seen]
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
    """Measures and scores an upright photo, H,W,3 uint8 (RGB)."""
    measured = measures(picture)
    scores, embeddings = ranker(overview(picture)[None], measured[None, : len(CUES)])
    return Look(measured, embeddings[0], dhash(picture), float(scores[0]), measure(picture))


def dhash(picture: NDArray[np.uint8]) -> int:
    """64 bits: whether each of 8 x 8 cells is darker than the one to its right (difference hash; Krawetz, 2013).

    Large photos are subsampled before the cells are averaged.
    """
    height, width, _ = picture.shape
    step_down, step_right = max(1, height // (8 * _SAMPLES)), max(1, width // (9 * _SAMPLES))
    some = np.ascontiguousarray(picture[::step_down, ::step_right])
    grey = cv2.cvtColor(cv2.resize(some, (9, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return int.from_bytes(np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes(), "big")


def _look_at_all(
    shots: Sequence[Shot], ranker: Ranker, known: Looks, progress: Callable[[int], None], keep: KeepPhoto
) -> tuple[list[Seen], list[Unread]]:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # `Unread` reports it
    large = threading.Lock()

    def see(shot: Shot) -> Seen | Unread:
        try:
            return _see(shot, ranker, known, large, keep)
        except (RasterError, MissingExtraError) as error:
            return Unread(shot.path, str(error).removeprefix(f"{shot.path}: "))
        except SmaltiError:
            raise
        except Exception as error:  # one file never ends a run, whatever a library raises
            first = str(error).strip().partition("\n")[0]
            return Unread(shot.path, f"cannot be processed ({type(error).__name__}: {first}); export it as JPEG")

    seen: list[Seen] = []
    unread: list[Unread] = []
    with closing(_in_threads(see, shots)) as all_found:  # photos not begun are dropped on close, also after Ctrl-C
        for found in all_found:
            if isinstance(found, Unread):
                unread.append(found)
            else:
                seen.append(found)
                known.put(found[0].sha256, found[1])
            progress(1)
    return seen, unread


def _in_threads(see: Callable[[Shot], Seen | Unread], shots: Sequence[Shot]) -> Generator[Seen | Unread, None, None]:
    """The results in the order of the shots; shots not begun are dropped when this is closed."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(see, shots)


def _see(shot: Shot, ranker: Ranker, known: Looks, large: threading.Lock, keep: KeepPhoto) -> Seen:
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
    """Ranks one series; a series made by hand is always rated, also if it is a bracket."""
    kind = "series" if by_hand else kind_of(photos, looks)
    return rank(_name(folder, photos[0]), photos, looks, kind)


def _name(folder: Path, first: Photo) -> str:
    return first.path.relative_to(folder).as_posix()


def _how(ranker: Ranker, series: Sequence[Series], unread: Sequence[Unread]) -> str:
    number = sum(len(one.ranked) for one in series)
    left = f", {len(unread)} not read" if unread else ""
    by = f"{ranker.card.name} ({ranker.sha256[:8]})"
    return f"{number} photos in {len(series)} series by time and similarity, ranked by {by}{left}"
