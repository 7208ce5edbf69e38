"""What was tried in vain: again after a while, a few times only; remembered where the process is killed."""

import time

from smalti.app.database import Database

MOST = 3
_PAUSE_S = 600.0


class Tries:
    """Counts tries by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, name: str) -> None:
        """Counts a try before it begins: one that ends in a crash is counted too."""
        with self._database.change() as change:
            change.execute("INSERT OR IGNORE INTO tries (name) VALUES (?)", (name,))
            change.execute(
                "UPDATE tries SET count = count + 1, next = ? WHERE name = ?", (time.time() + _PAUSE_S, name)
            )

    def may(self, name: str) -> bool:
        """Whether it may be tried now."""
        with self._database.connect() as rows:
            row = rows.execute("SELECT count, next FROM tries WHERE name = ?", (name,)).fetchone()
        return row is None or (row["count"] < MOST and row["next"] <= time.time())

    def left(self, name: str) -> bool:
        """Whether it may be tried now, or later."""
        with self._database.connect() as rows:
            row = rows.execute("SELECT count FROM tries WHERE name = ?", (name,)).fetchone()
        return row is None or row["count"] < MOST

    def undo(self, name: str) -> None:
        """A try that was interrupted does not count."""
        with self._database.change() as change:
            change.execute("UPDATE tries SET count = count - 1, next = 0 WHERE name = ?", (name,))

    def forget(self, name: str) -> None:
        """A try succeeded."""
        with self._database.change() as change:
            change.execute("DELETE FROM tries WHERE name = ?", (name,))
