"""Lists the photos in a folder, one entry per shutter release in a fixed order, and counts what else is there."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from smalti.endings import ENDINGS, HEIC, JPEG, RAW
from smalti.errors import DataError
from smalti.photos.names import order, pair

MOVIES = frozenset(
    f".{ending}"
    for ending in ("3gp", "avi", "insv", "lrv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "webm", "wmv")
)
LIVE = frozenset({".mov", ".mp4"})
"""Movies that phones write beside a photo, under its name."""
BESIDE = LIVE | {".aae", ".wav", ".thm", ".xmp", ".pp3", ".dop", ".json"}
"""Endings of files that belong to a photo but are not photos: its movie, edits, sound, settings."""
_TAKEOUT = "supplemental-metadata"
MARK = ".smalti-picks"
"""A file of this name lists the copies that were made in its folder, which are not photos of their own."""
_WHOLE = "*"  # means in it all files of the folder and below
_NO_PHOTOS = (
    *("@eadir", "@synoresource", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "$recycle.bin"),
    *("recycler", "recycled", "system volume information", "lost+found", "__macosx", "*.lrdata", "darktable_exported"),
    *("*.photoslibrary", "*.aplibrary", "*.lrlibrary", "~snapshot", "thmbnl", "thumbnails", "thumbs"),
    *("network trash folder", "temporary items"),
)
"""Folders of thumbnails, previews, exports and deleted files, in lower case."""
_FOLDERS_OF_PAIRS = JPEG | HEIC | RAW
"""Folders named RAW, JPG, NEF or the like (without the dot) hold the two files of one shutter release."""


@dataclass(frozen=True, slots=True)
class Shot:
    """The files of one shutter release; `path` is the one that is read."""

    path: Path
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class PhotoListing:
    """The photos of a folder, and the number of skipped files by reason."""

    shots: tuple[Shot, ...]
    left_out: Mapping[str, int]


def list_photos(folder: Path, exclude: Iterable[str] = ()) -> tuple[Shot, ...]:
    """The photos that `survey` finds."""
    return survey(folder, exclude).shots


def survey(folder: Path, exclude: Iterable[str] = ()) -> PhotoListing:
    """The photos in a folder and below, in natural order of their names.

    Skipped and counted are Smalti's own copies, folders of thumbnails and deleted files, links to listed photos, files
    and folders that match a pattern in `exclude`, movies and other files; hidden files are skipped without being
    counted. A RAW and a JPEG or HEIC of the same name, in one folder or in two folders named RAW and JPG, are one
    photo, of which the latter is read.

    Args:
        folder: the folder.
        exclude: glob patterns for names, and for paths relative to `folder`.

    Raises:
        DataError: there is no such folder, or no photo in it.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "missing"
        raise DataError(f"{folder}: is {what}; give a folder with photos")
    walk = _Walk(folder, tuple(exclude))
    shots = _shots(walk.photos())
    if not shots:
        raise DataError(
            f"{folder}: holds no photo (expected {', '.join(sorted(ENDINGS))}){_and_left_out(walk.left_out)}; "
            "give a folder with photos"
        )
    return PhotoListing(tuple(shots), +walk.left_out)


def companions(folder: Path) -> dict[str, list[Path]]:
    """The files of a folder that belong to photos but are not photos, by the photo's name in lower case.

    NAME.mov, NAME.aae, NAME.xmp and the like by NAME, and NAME.EXT.xmp by NAME.EXT.
    """
    found: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in BESIDE and file.is_file():
            found[_original(file).lower()].append(file)
    return found


def note_copy(copy: Path) -> None:
    """Records in a copy's folder that Smalti made it; raises OSError."""
    with (copy.parent / MARK).open("a", encoding="ascii") as notes:
        notes.write(json.dumps([copy.stat().st_size, copy.name]) + "\n")


def note_folder(folder: Path) -> None:
    """Records in a folder that Smalti made everything in it and below; raises OSError."""
    (folder / MARK).write_text(json.dumps([0, _WHOLE]) + "\n", encoding="ascii")


def left_out_line(left_out: Mapping[str, int]) -> str:
    """The skipped files by reason, in one line; "" if there are none."""
    return ", ".join(
        f"{why}: {number:,}" for why, number in sorted(left_out.items(), key=lambda item: (-item[1], item))
    )


def _and_left_out(left_out: Mapping[str, int]) -> str:
    line = left_out_line(left_out)
    return f"; skipped {line}" if line else ""


class _Walk:
    """One walk through a folder; counts what it skips."""

    def __init__(self, folder: Path, exclude: tuple[str, ...]) -> None:
        self.left_out: Counter[str] = Counter()
        self._folder, self._exclude = folder, exclude
        self._beside: list[Path] = []

    def photos(self) -> list[Path]:
        """All photos, in order."""
        found = sorted(self._all(), key=lambda file: (_is_link(file), order(file)))
        real: dict[Path, Path] = {}
        for file in found:
            if real.setdefault(Path(os.path.realpath(file)), file) != file:  # Path.resolve refuses a loop of links
                self.left_out["links to photos that are listed"] += 1
        self._count_others(found)
        return sorted(real.values(), key=order)

    def _all(self) -> Iterator[Path]:
        refused: list[Path] = []  # folders that cannot be listed; reported when they are read
        for place, folders, names in os.walk(self._folder, onerror=lambda error: refused.append(Path(error.filename))):
            here = Path(place)
            made = copies_made(here) if MARK in names else {}
            folders[:] = [name for name in folders if self._enters(here / name)]
            if _WHOLE in made and here != self._folder:
                folders.clear()
                continue
            for name in names:
                file = here / name
                if not name.startswith(".") and not self._is_left(file, made):
                    yield file
        yield from refused

    def _enters(self, place: Path) -> bool:
        if place.name.startswith("."):
            return False
        if _is_link(place):
            self.left_out["linked folders"] += 1
            return False
        fits = next((name for name in _NO_PHOTOS if fnmatch(place.name.lower(), name)), None)
        if fits:
            self.left_out[f"in {fits if '*' in fits else place.name}"] += _photos_below(place)
        elif self._excluded(place):
            self.left_out["by --exclude"] += _photos_below(place)
        return not fits and not self._excluded(place)

    def _is_left(self, file: Path, made: Mapping[str, int]) -> bool:
        """Whether to skip a file; counts it, now or later."""
        is_photo = file.suffix.lower() in ENDINGS
        if file.name in made and _is_file(file) and file.stat().st_size == made[file.name]:
            self.left_out["copies made by --copy-picks"] += is_photo
            return True
        if not is_photo:
            self._beside.append(file)
            return True
        if self._excluded(file):
            self.left_out["by --exclude"] += 1
            return True
        return _exists(file) and not _is_file(file)  # a broken link is reported, too

    def _excluded(self, place: Path) -> bool:
        inside = place.relative_to(self._folder).as_posix()
        return any(fnmatch(place.name, pattern) or fnmatch(inside, pattern) for pattern in self._exclude)

    def _count_others(self, photos: Iterable[Path]) -> None:
        stems = {(photo.parent, name.lower()) for photo in photos for name in (photo.stem, photo.name)}
        for file in self._beside:
            ending = file.suffix.lower()
            if ending in BESIDE and (file.parent, _original(file).lower()) in stems:
                continue
            if file.parent == self._folder and file.name.startswith("smalti-photos"):
                continue
            self.left_out["movies" if ending in MOVIES else "other files"] += 1


def _original(file: Path) -> str:
    """The name of the photo that a file belongs to: Apple's IMG_O1234.AAE to IMG_1234.HEIC, and Google's
    IMG_1.jpg.supplemental-metadata.json, which may be truncated, to IMG_1.jpg."""
    name, dot, more = file.stem.rpartition(".")
    stem = name if dot and more and file.suffix.lower() == ".json" and _TAKEOUT.startswith(more) else file.stem
    return stem.replace("IMG_O", "IMG_", 1) if stem.startswith("IMG_O") else stem


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114 - Path's raises in a folder that may be listed, but not entered


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - see `_is_link`


def _exists(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - see `_is_link`


def _photos_below(place: Path) -> int:
    return sum(Path(name).suffix.lower() in ENDINGS for _, _, names in os.walk(place) for name in names)


def copies_made(folder: Path) -> dict[str, int]:
    """Names and sizes of the copies that were made in a folder; damaged lines are ignored."""
    made = {}
    try:
        lines = (folder / MARK).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            size, name = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(size, int):
            made[str(name)] = size
    return made


def _shots(files: Iterable[Path]) -> list[Shot]:
    """Photos by name, in one folder or in two named RAW and JPG."""
    groups: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for file in files:
        in_pairs = f".{file.parent.name.lower()}" in _FOLDERS_OF_PAIRS
        groups[file.parent.parent if in_pairs else file.parent, pair(file.stem).lower()].append(file)
    return sorted((shot for same in groups.values() for shot in _paired(same)), key=lambda shot: order(shot.path))


def _paired(same: list[Path]) -> list[Shot]:
    """A RAW belongs to the first JPEG or HEIC of its name, preferably in the same folder."""
    beside = [file for file in same if file.suffix.lower() in JPEG | HEIC]
    raws: dict[Path, list[Path]] = defaultdict(list)
    alone = []
    for file in same:
        if file.suffix.lower() in RAW and beside:
            raws[min(beside, key=lambda other: (other.parent != file.parent, other.stem != file.stem))].append(file)
        else:
            alone.append(file)
    return [Shot(file, (file, *raws[file])) for file in alone]
