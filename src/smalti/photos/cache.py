"""A cache of looks by the content of their photos, so that an interrupted run resumes and a second run is fast.

SQLite, one row per photo and model. It lies in the folder of the photos, so that it moves with them; where that folder
is not writable, in the user's cache folder, under a name derived from the folder's path; where that is not writable
either, nothing is kept.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from smalti import __version__
from smalti.errors import OutputError
from smalti.files import user_cache
from smalti.photos.blocks import SIDE
from smalti.photos.photo import Look

NAME = ".smalti-photos"
MEASURED = 2
"""Version of the measurements; looks measured by another version are not used."""
EVERY = 2.0
"""Seconds between two writes to the disk: how much a killed run can lose."""
_CREATE = (
    "create table if not exists looks (sha256 text, maker text, cues blob, embedding blob, blocks blob,"
    " dhash text, score real, primary key (sha256, maker))"
)
_INSERT = (
    "insert or replace into looks (sha256, maker, cues, embedding, blocks, dhash, score) values (?, ?, ?, ?, ?, ?, ?)"
)
_SELECT = "select sha256, cues, embedding, dhash, score, blocks from looks where maker = ? and blocks is not null"
_DTYPE = np.dtype("<f4")


def place_for(folder: Path) -> Path | None:
    """The cache folder of a folder of photos, created if missing; None if none can be created."""
    inside = folder / NAME
    with suppress(OSError):
        inside.mkdir(exist_ok=True)
        if os.access(inside, os.W_OK):
            return inside
    cache = user_cache()
    if cache is None:
        return None
    outside = cache / "photos" / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    try:
        outside.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return outside if os.access(outside, os.W_OK) else None


class Looks:
    """The cached looks of one model; `get` and `put` by the SHA-256 of a photo's file."""

    def __init__(self, path: Path | None, model: str) -> None:
        """Opens the cache; a damaged file is replaced by an empty one.

        Args:
            path: of the SQLite file; None to keep nothing beyond this object.
            model: hash of the model's file. Looks of another model or another version of Smalti are not used.

        Raises:
            OutputError: the file cannot be written.
        """
        path = path or Path(":memory:")
        self._path, self._maker = path, f"{__version__} {MEASURED} {model}"
        with _warned(path):
            self._file = _open(path)
            self._known = self._read()
        self._written = time.monotonic()

    def get(self, sha256: str) -> Look | None:
        """The look of a photo; None if it is not cached."""
        return self._known.get(sha256)

    def put(self, sha256: str, look: Look) -> None:
        """Stores a look; written to disk after EVERY seconds, or when closed."""
        self._known[sha256] = look
        blobs = map(_blob, (look.cues, look.embedding, look.blocks))
        row = (sha256, self._maker, *blobs, f"{look.dhash:016x}", look.score)
        with _warned(self._path):
            self._file.execute(_INSERT, row)
            if time.monotonic() - self._written >= EVERY:
                self._file.commit()
                self._written = time.monotonic()

    def close(self) -> None:
        """Writes what is not yet on disk."""
        with _warned(self._path):
            try:
                self._file.commit()
            finally:
                self._file.close()

    def _read(self) -> dict[str, Look]:
        return {
            sha256: Look(
                _array(cues), _array(embedding), int(dhash, 16), float(score), _array(blocks).reshape(2, SIDE, -1)
            )
            for sha256, cues, embedding, dhash, score, blocks in self._file.execute(_SELECT, (self._maker,))
        }


def _open(path: Path) -> sqlite3.Connection:
    try:
        file = sqlite3.connect(path, check_same_thread=False)
        file.execute(_CREATE)
        if "blocks" not in {name for _, name, *_ in file.execute("pragma table_info(looks)")}:  # of an older version
            file.execute("alter table looks add column blocks blob")
        [(state,)] = file.execute("pragma quick_check(1)").fetchall()
        if state == "ok":
            return file
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # the base class of OperationalError: not a database, or a damaged one
        pass
    file.close()
    path.unlink()
    file = sqlite3.connect(path, check_same_thread=False)
    file.execute(_CREATE)
    return file


def _blob(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, _DTYPE).tobytes()


def _array(blob: bytes) -> np.ndarray:
    return np.frombuffer(blob, _DTYPE).astype(np.float32)


@contextmanager
def _warned(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise OutputError(f"{path}: cannot be written: {error}; free the disk or make its folder writable") from None
