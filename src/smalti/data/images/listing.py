"""Image files with their annotations as text, independent of tasks."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from smalti.datasets.folder import is_of_the_system
from smalti.errors import DataError, reason

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
THREADS = 8
TAIL = 4096
"""Bytes at the end of a file in which its end marker is expected; otherwise the whole file is searched."""

_MARKS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG\r\n\x1a\n": b"IEND"}
_BARE = (b"RIFF", b"BM")  # WebP and BMP state their length but have no end marker


@dataclass(frozen=True, eq=False)
class Listing:
    """The files of one source, in the same order on every machine."""

    root: Path
    files: list[str]
    """Relative to `root`."""
    columns: dict[str, list[str]]
    """The annotation of each file, by column; "" if unknown."""
    subjects: list[str]
    """The subject in each image; "" if unknown. Empty if the source has no subjects."""


def images_below(folder: Path) -> list[str]:
    """Names of the images directly in a folder, sorted; DataError if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if _is_image(entry.name))
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {reason(error)}") from None


def _is_image(name: str) -> bool:
    return name.lower().endswith(ENDINGS) and not is_of_the_system(Path(name))


def folders_below(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted; DataError if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not is_of_the_system(Path(entry.name)))
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {reason(error)}") from None


def check_files(listings: Sequence[Listing]) -> None:
    """See `check_whole`, for all files of some listings."""
    for listing in listings:
        check_whole(listing.root / name for name in listing.files)


def check_whole(paths: Iterable[Path]) -> None:
    """DataError that names the first file that is missing, empty, truncated, or not an image; decodes no pixels."""
    with ThreadPoolExecutor(THREADS) as pool:
        wrong = [text for text in pool.map(_wrong, paths) if text]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise DataError(f"{wrong[0]}; repair it or remove it from the dataset{more}")


def _wrong(path: Path) -> str:
    """Describes what is wrong with a file; empty if nothing is."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
            if not head:
                return f"{path}: is empty"
            last = next((last for first, last in _MARKS.items() if head.startswith(first)), None)
            if last is None:
                return "" if head.startswith(_BARE) else f"{path}: is no JPEG, PNG, WebP or BMP"
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            whole = last in file.read() or last in path.read_bytes()
            return "" if whole else f"{path}: is truncated (it has no end)"
    except FileNotFoundError:
        return f"{path}: is missing"
    except OSError as error:
        return f"{path}: cannot be read: {reason(error)}"


def check_apart(one: Sequence[Listing], other: Sequence[Listing], names: tuple[str, str]) -> None:
    """DataError if two parts of a split share a file or a subject."""
    words = f"{names[0]} and {names[1]}"
    if both := _places(one) & _places(other):
        raise DataError(f"{min(both)}: is in {words}, and {len(both) - 1} more; split the images")
    if both := _subjects(one) & _subjects(other):
        raise DataError(
            f"subject {min(both)!r} is in {words}, and {len(both) - 1} more; split by subject, not by image"
        )


def _places(listings: Sequence[Listing]) -> set[str]:
    return {os.path.normpath(os.path.join(root, name)) for root, listing in _rooted(listings) for name in listing.files}  # noqa: PTH118 - millions of files


def _subjects(listings: Sequence[Listing]) -> set[str]:
    return {subject for listing in listings for subject in listing.subjects if subject}


def _rooted(listings: Sequence[Listing]) -> Iterator[tuple[Path, Listing]]:
    for listing in listings:
        yield listing.root.resolve(), listing
