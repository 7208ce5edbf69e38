"""Copies of the picks in a folder of their own."""

import filecmp
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from smalti.errors import DataError
from smalti.jobs import appearing, guarded
from smalti.photos.files import shown
from smalti.photos.photo import Photo, Result


def copy_picks(result: Result, folder: Path) -> tuple[Path, ...]:
    """Copies all files of each pick to `folder`, with their times; returns the copies that were made.

    What is there already stays: the same content is not copied again, and a photo whose name is taken by another one
    becomes NAME-2, its RAW and its JPEG alike. A copy has its name only when it is complete. Raises OutputError, and
    DataError if a photo is gone.
    """
    made: list[Path] = []
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for ranked in (ranked for series in result.series for ranked in series.ranked):
        if ranked.verdict == "pick":
            made.extend(_copy_photo(ranked.photo, folder))
    return tuple(made)


def _copy_photo(photo: Photo, folder: Path) -> Iterator[Path]:
    for source in photo.files:
        if not source.is_file():
            raise DataError(f"{shown(source)}: is gone and cannot be copied; run the command again")
    for source, target in _targets(photo, folder):
        if not target.exists():
            _copy(source, target)
            yield target


def _targets(photo: Photo, folder: Path) -> list[tuple[Path, Path]]:
    """The files and their first free names, or those that hold them already."""
    for number in count(1):
        tag = f"-{number}" if number > 1 else ""
        pairs = [(source, folder / f"{source.stem}{tag}{source.suffix}") for source in photo.files]
        with guarded(folder):
            if all(not target.exists() or _same(source, target) for source, target in pairs):
                return pairs
    raise AssertionError("count() ends nowhere")


def _same(source: Path, target: Path) -> bool:
    return target.is_file() and filecmp.cmp(source, target, shallow=False)


def _copy(source: Path, target: Path) -> None:
    with appearing(target) as unfinished:
        shutil.copy2(source, unfinished)
