"""Which photos lie in a folder: one entry per shutter release, always in the same order."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from smalti.errors import DataError

JPEG = frozenset({".jpg", ".jpeg", ".jpe"})
HEIC = frozenset({".heic", ".heif", ".hif"})
TIFF = frozenset({".tif", ".tiff"})
RAW = frozenset(
    f".{ending}"
    for ending in (
        *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw"),
        *("orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    )
)
ENDINGS = JPEG | HEIC | TIFF | RAW | {".png"}
MARK = ".smalti-picks"
"""A file of this name says that a folder holds pictures made here; inside another folder it is left out."""


@dataclass(frozen=True, slots=True)
class Shot:
    """The files of one shutter release; `path` is the one that is looked at."""

    path: Path
    files: tuple[Path, ...]


def list_photos(folder: Path, leave_out: Iterable[Path] = ()) -> tuple[Shot, ...]:
    """The photos in a folder and below, by path; hidden files and our own copies are left out.

    A RAW and a JPEG or HEIC of the same name in the same place are one photo, looked at through the latter. DataError
    if there is no such folder, or no photo in it.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        raise DataError(f"{folder}: is {what}; give a folder with photos")
    files = sorted(_walk(folder, {place.resolve() for place in leave_out}))
    shots = [shot for _, same in groupby(files, lambda file: (file.parent, file.stem)) for shot in _shots(list(same))]
    if not shots:
        raise DataError(
            f"{folder}: holds no photo (looked for {', '.join(sorted(ENDINGS))}); give a folder with photos"
        )
    return tuple(sorted(shots, key=lambda shot: shot.path))


def _walk(folder: Path, leave_out: set[Path]) -> list[Path]:
    found: list[Path] = []

    def refused(error: OSError) -> None:
        found.append(Path(error.filename))  # a folder that cannot be listed; told when it is read

    for place, folders, names in os.walk(folder, onerror=refused):
        here = Path(place)
        if MARK in names and here != folder:
            folders.clear()
            continue
        folders[:] = [n for n in folders if not n.startswith(".") and (here / n).resolve() not in leave_out]
        files = [here / n for n in names if not n.startswith(".") and Path(n).suffix.lower() in ENDINGS]
        found += [file for file in files if file.is_file() or not file.exists()]  # a link to nothing is told, too
    return found


def _shots(same: list[Path]) -> list[Shot]:
    """Files of one stem: RAWs belong to the first photo that a camera writes beside them."""
    raws = [file for file in same if file.suffix.lower() in RAW]
    beside = next((file for file in same if file.suffix.lower() in JPEG | HEIC), None)
    if not raws or beside is None:
        return [Shot(file, (file,)) for file in same]
    others = [Shot(file, (file,)) for file in same if file not in raws and file != beside]
    return [Shot(beside, (beside, *raws)), *others]
