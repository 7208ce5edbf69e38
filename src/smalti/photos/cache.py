"""Looks kept by the content of their photos, so that a run that was cut short goes on and a second one is fast.

SQLite, one row per photo and model. It lies in the folder of the photos, so that it moves and goes with them; where
that folder cannot be written, in the user's cache folder, under a name made of the folder's path; where that cannot be
written either, nothing is kept.
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
"""Counts the ways in which photos were ever measured; what was measured in another way is not believed."""
EVERY = 2.0
"""Seconds between two writes to the disk: what a kill can lose."""
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
    """The folder for what is kept of a folder of photos, made if need be; None if none can be made."""
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
    """The looks of one model that are known; `get` and `put` by the SHA-256 of a photo's file."""

    def __init__(self, path: Path | None, model: str) -> None:
        """`model` is the hash of the model's file. What another version saw, or measured otherwise, is not known.

        A damaged file is begun anew; OutputError if it cannot be written. Without a path nothing outlives this object.
        """
        path = path or Path(":memory:")
        self._path, self._maker = path, f"{__version__} {MEASURED} {model}"
        with _warned(path):
            self._file = _open(path)
            self._known = self._read()
        self._written = time.monotonic()

    def get(self, sha256: str) -> Look | None:
        """What is known of a photo."""
        return self._known.get(sha256)

    def put(self, sha256: str, look: Look) -> None:
        """Keeps a look; on the disk after EVERY seconds, or when closed."""
        self._known[sha256] = look
        blobs = map(_blob, (look.cues, look.embedding, look.blocks))
        row = (sha256, self._maker, *blobs, f"{look.dhash:016x}", look.score)
        with _warned(self._path):
            self._file.execute(_INSERT, row)
            if time.monotonic() - self._written >= EVERY:
                self._file.commit()
                self._written = time.monotonic()

    def close(self) -> None:
        """Writes what is not yet on the disk."""
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
    except sqlite3.DatabaseError:  # what OperationalError is a kind of: not a database, or a damaged one
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
