"""Identity of training files by their content: whether they have changed, and which ones are copies."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from smalti.data.cache import files_of, join_stamps, kept_counts, stamp_files
from smalti.watch import Watch, unwatched

T = TypeVar("T")
BYTES = 16
"""Length of a digest."""
TAIL = 4096
"""Bytes at the end of a file that, with its size, distinguish photos."""
THREADS = 4
STATISTICS = ".aux.xml"
"""Suffix of the statistics files that viewers write beside a raster; they do not change its content."""


@dataclass(frozen=True)
class Identity:
    """The data of a part of a recipe, by content."""

    files: int
    digest: str

    def __str__(self) -> str:
        return f"{self.files} {self.digest}"


def identity(files: int, parts: Iterable[str]) -> Identity:
    """The identity of some data; `parts` is everything that determines what a training sees, in order."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() + b"\n")
    return Identity(files, whole.hexdigest()[: 2 * BYTES])


def digests(paths: Sequence[Path], watch: Watch = unwatched) -> dict[Path, str]:
    """The digest of each file's content, including the files read with it; cached as long as no file changes.

    A path that is not a local file, or cannot be read, is hashed by its name; reading it later raises the error.
    """
    several = list(dict.fromkeys(paths))
    stamp = join_stamps("digests", [stamp_files(path) for path in several]) if several else ""
    shape = (len(several), BYTES)
    found = kept_counts(stamp, shape, lambda: _read_all(several, _whole, watch), np.uint8)
    return {path: row.tobytes().hex() for path, row in zip(several, found, strict=True)}


def common_parts(first: Sequence[T], second: Sequence[T], keys: Iterable[Hashable]) -> list[tuple[list[T], list[T]]]:
    """Splits two sides by key (of the first side's items, then of the second's); keeps the parts with items of both."""
    found: dict[Hashable, tuple[list[T], list[T]]] = defaultdict(lambda: ([], []))
    for number, (item, key) in enumerate(zip([*first, *second], keys, strict=True)):
        found[key][number >= len(first)].append(item)
    return [part for part in found.values() if all(part)]


def marks(paths: Sequence[Path], watch: Watch = unwatched) -> list[str]:
    """A fast hash of each file's size and last bytes; files with equal hashes are almost certainly equal."""
    return [row.tobytes().hex() for row in _read_all(paths, _end, watch)]


def _read_all(paths: Sequence[Path], read: Callable[[Path], bytes], watch: Watch) -> NDArray[np.uint8]:
    advance = watch("files", len(paths), "")
    rows = []
    with ThreadPoolExecutor(THREADS) as pool:
        for row in pool.map(read, paths):
            rows.append(np.frombuffer(row[:BYTES], np.uint8))
            advance(1)
    return np.array(rows, np.uint8).reshape(len(paths), BYTES)


def _whole(path: Path) -> bytes:
    try:
        files = [file for file in files_of(path) if not file.name.endswith(STATISTICS)]
        parts = [_content(file) for file in files]
        return parts[0] if len(parts) == 1 else hashlib.sha256(b"".join(parts)).digest()
    except OSError:
        return hashlib.sha256(str(path).encode()).digest()


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _end(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL))
            return hashlib.sha256(f"{size} ".encode() + file.read()).digest()
    except OSError:
        return hashlib.sha256(str(path).encode()).digest()
