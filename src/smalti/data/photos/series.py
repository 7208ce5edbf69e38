"""Series of photos and their known order, and the check that a split has no series on both sides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from smalti.arrays import Picture
from smalti.datasets.folder import is_of_the_system
from smalti.errors import DataError
from smalti.photos.read import read_photo

Preference = tuple[int, int, float]  # photo a, photo b, the probability that a is better

ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Truth:
    """The known order of one series."""

    name: str
    photos: int
    preferences: tuple[Preference, ...]
    order: tuple[int, ...] = ()
    """All photos, best first; () if the order is not completely known."""

    @property
    def best(self) -> int | None:
        """The photo that is better than every other one; None if unknown."""
        if self.order:
            return self.order[0]
        beats: dict[int, set[int]] = {}
        for a, b, chance in self.preferences:
            if chance != 0.5:
                winner, loser = (a, b) if chance > 0.5 else (b, a)
                beats.setdefault(winner, set()).add(loser)
        return next((photo for photo, losers in beats.items() if len(losers) == self.photos - 1), None)


class Collection(Protocol):
    """Series whose photos are loaded one by one."""

    @property
    def keys(self) -> frozenset[str]:
        """Names that must not be on both sides of a split: of photos, series, originals."""

    @property
    def files(self) -> Sequence[Path]:
        """The files of all photos or originals, in a fixed order."""

    def __len__(self) -> int:
        """Number of series."""
        ...

    def truth(self, number: int) -> Truth:
        """The known order of a series."""
        ...

    def pixels(self, number: int) -> Iterator[Picture]:
        """The photos of a series, upright, at full resolution, in the order of the indices of its truth."""
        ...


class FileSeries:
    """Series of photos in files."""

    def __init__(self, series: Sequence[tuple[Truth, tuple[Path, ...]]], keys: Sequence[str]) -> None:
        """DataError, naming the first, if a file is missing."""
        self._series = series
        self.files = files = [path for _, photos in series for path in photos]
        missing = [path for path in files if not path.is_file()]
        if missing:
            raise DataError(f"{missing[0]}: no such photo ({len(missing)} of {len(set(files))} are missing)")
        self.keys = frozenset([*keys, *(str(path.resolve()) for path in files)])

    def __len__(self) -> int:
        """See `Collection`."""
        return len(self._series)

    def truth(self, number: int) -> Truth:
        """See `Collection`."""
        return self._series[number][0]

    def pixels(self, number: int) -> Iterator[Picture]:
        """See `Collection`; RasterError for a photo that cannot be read."""
        return map(read_photo, self._series[number][1])


def ranked_folders(folder: Path) -> FileSeries:
    """Series as FOLDER/SERIES/PHOTO, best first in the order of the names; DataError if there is none."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of ranked series")
    found = []
    for place in (path for path in _own(folder) if path.is_dir()):
        photos = tuple(path for path in _own(place) if path.suffix.lower() in ENDINGS)
        if len(photos) > 1:
            count = range(len(photos))
            pairs = tuple((a, b, 1.0) for a in count for b in count if a < b)
            found.append((Truth(place.name, len(photos), pairs, tuple(count)), photos))
    if not found:
        raise DataError(f"{folder}: has no series; expected FOLDER/SERIES/01.jpg, 02.jpg, ..., best first")
    return FileSeries(found, [f"series {folder.resolve() / truth.name}" for truth, _ in found])


def _own(folder: Path) -> list[Path]:
    """The files and folders in a folder, except those of the operating system, sorted."""
    return sorted(path for path in folder.iterdir() if not is_of_the_system(Path(path.name)))


def check_split(first: Sequence[Collection], second: Sequence[Collection], names: tuple[str, str]) -> None:
    """DataError if a series, a photo or an original is on both sides, which are called `names`."""
    both = {key for one in first for key in one.keys} & {key for other in second for key in other.keys}
    if both:
        raise DataError(
            f"{min(both)} is among the photos for {names[0]} and for {names[1]} ({len(both)} in all); split by series"
        )
