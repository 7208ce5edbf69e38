"""The SQLite file that the server and its processes share."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOTED_S = 3600.0
"""A use is noted at most once in this time: tiles are asked for often."""
_WAIT_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS scenes (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, path TEXT NOT NULL,
    facts TEXT NOT NULL, bytes INTEGER NOT NULL, overviews TEXT NOT NULL, created REAL NOT NULL, used REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL, scene TEXT, model TEXT, spec TEXT NOT NULL,
    key TEXT, state TEXT NOT NULL, rows_done INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0,
    pixels INTEGER NOT NULL DEFAULT 0, speed REAL, seconds_left REAL, problem TEXT,
    ramps TEXT, notes TEXT NOT NULL DEFAULT '[]',
    attempts INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, started REAL, ended REAL, used REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS spent (job TEXT PRIMARY KEY, owner TEXT NOT NULL, pixels INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tries (
    name TEXT PRIMARY KEY, count INTEGER NOT NULL DEFAULT 0, next REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS lessons (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, scenes TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS steps (
    lesson TEXT NOT NULL, number INTEGER NOT NULL, facts TEXT NOT NULL, project TEXT NOT NULL,
    PRIMARY KEY (lesson, number)
);
CREATE UNIQUE INDEX IF NOT EXISTS job_keys ON jobs (owner, key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_states ON jobs (state, created);
"""


class Database:
    """A SQLite file; each use opens a connection of its own, so that any thread may."""

    def __init__(self, path: Path) -> None:
        self.path = path
        connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        finally:
            connection.close()

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept together, or not at all where the block raises."""
        connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """The same, alone: nothing that it has read is changed by another process meanwhile."""
        connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()
