"""Copies the picks to a separate folder."""

import filecmp
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import count
from pathlib import Path

from smalti.errors import DataError, shown
from smalti.files import appearing, guarded
from smalti.photos.listing import companions, copies_made
from smalti.photos.photo import Photo, RankedFolder


def copy_picks(
    result: RankedFolder, folder: Path, *, unrated: bool = False, made: Callable[[Path], None] = lambda _: None
) -> tuple[Path, ...]:
    """Copies all files of each pick to `folder`, with their times.

    Files that belong to a photo (its movie, edits, sound, sidecars) are copied with it. Existing files stay: the same
    content is not copied again, and a photo whose name is taken by another one becomes NAME-2, like all its files. A
    copy gets its name only when it is complete.

    Args:
        result: the ranked folder.
        folder: where to copy to; created if missing.
        unrated: also copy photos that were not compared: single ones, and brackets.
        made: called with the path of each copy.

    Returns:
        The copies that were made.

    Raises:
        OutputError: a copy cannot be written.
        DataError: a photo no longer exists.
    """
    wanted = {"pick", "unrated"} if unrated else {"pick"}
    copies: list[Path] = []
    beside = cache(companions)
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for ranked in (ranked for series in result.series for ranked in series.ranked):
        for copy in _copy_photo(ranked.photo, folder, beside) if ranked.verdict in wanted else ():
            with guarded(folder):
                made(copy)
            copies.append(copy)
    return tuple(copies)


def no_longer_picks(result: RankedFolder, folder: Path) -> tuple[Path, ...]:
    """Copies in `folder`, made by an earlier run, of photos that are now alternates or rejects. Raises OutputError."""
    made = copies_made(folder)
    ranked = (ranked for series in result.series for ranked in series.ranked)
    files = (file for one in ranked if one.verdict in ("alternate", "reject") for file in one.photo.files)
    with guarded(folder):
        return tuple(folder / f.name for f in files if f.name in made and _same(f, folder / f.name))


def _copy_photo(photo: Photo, folder: Path, beside: Callable[[Path], dict[str, list[Path]]]) -> Iterator[Path]:
    for source in photo.files:
        if not source.is_file():
            raise DataError(f"{shown(source)}: no longer exists and cannot be copied; run the command again")
    names = ((source.parent, name.lower()) for source in photo.files for name in (source.stem, source.name))
    more = [file for place, name in names for file in beside(place).get(name, ())]
    for source, target in _targets(photo.files, list(dict.fromkeys(more)), folder):
        if not target.exists():
            _copy(source, target)
            yield target


def _targets(files: Sequence[Path], beside: Sequence[Path], folder: Path) -> list[tuple[Path, Path]]:
    """The files and their first free names, or the names under which they were copied before.

    If the photo itself was copied before, the files that belong to it may have changed since: the copies stay.
    """
    for number in count(1):
        tag = f"-{number}" if number > 1 else ""
        pairs, more = _tagged(files, tag, folder), _tagged(beside, tag, folder)
        with guarded(folder):
            is_there = all(_same(source, target) for source, target in pairs)
            if is_there or all(not target.exists() or _same(source, target) for source, target in [*pairs, *more]):
                return [*pairs, *more]
    raise AssertionError("count() ends nowhere")


def _tagged(sources: Sequence[Path], tag: str, folder: Path) -> list[tuple[Path, Path]]:
    names = (source.name.partition(".") for source in sources)  # NAME.JPG and NAME.JPG.xmp stay together
    return [(source, folder / f"{a}{tag}{dot}{b}") for source, (a, dot, b) in zip(sources, names, strict=True)]


def _same(source: Path, target: Path) -> bool:
    return target.is_file() and filecmp.cmp(source, target, shallow=False)


def _copy(source: Path, target: Path) -> None:
    with appearing(target) as unfinished:
        shutil.copy2(source, unfinished)
