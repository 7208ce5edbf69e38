"""The jobs as their worker sees them: take the next one, report how far it is, put it back."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from smalti.app.database import Database
from smalti.app.jobs.table import ATTEMPTS, Stored, stored


class Queue:
    """The waiting jobs, for the one process that does them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recover(self) -> None:
        """Puts jobs back that a killed worker was at; one that took it down too often has failed."""
        with self._database.change() as change:
            problem = {
                "title": "Internal Server Error", "status": 500, "exit_code": 1,
                "detail": f"its worker was killed {ATTEMPTS} times, perhaps for memory; resume it with a smaller area",
            }  # fmt: skip
            change.execute(
                "UPDATE jobs SET state = 'failed', problem = ?, ended = ? WHERE state = 'running' AND attempts >= ?",
                (json.dumps(problem), time.time(), ATTEMPTS),
            )
            change.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")

    def take(self) -> Stored | None:
        """The job that waits longest, which is running now; owners take turns. None if none waits."""
        with self._database.change() as change:
            row = change.execute(
                "SELECT * FROM jobs AS job WHERE state = 'queued' ORDER BY started IS NULL, "
                "(SELECT max(started) FROM jobs WHERE owner = job.owner), created, id LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            change.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, started = coalesce(started, ?) "
                "WHERE id = ?",
                (time.time(), row["id"]),
            )
        return stored(row)

    def report(self, job: str, rows_done: int, speed: float | None, seconds_left: float | None) -> bool:
        """Notes how far a job is; returns whether it is still wanted."""
        with self._database.change() as change:
            done = change.execute(
                "UPDATE jobs SET attempts = CASE WHEN rows_done < ? THEN 1 ELSE attempts END, rows_done = ?, "
                "speed = ?, seconds_left = ? WHERE id = ? AND state = 'running'",
                (rows_done, rows_done, speed, seconds_left, job),
            )
            return bool(done.rowcount)

    def note(self, job: str, notes: Sequence[str]) -> None:
        """Keeps a job's warnings."""
        with self._database.change() as change:
            change.execute("UPDATE jobs SET notes = ? WHERE id = ?", (json.dumps(list(notes)), job))

    def finish(self, job: str, rows: int, ranges: Mapping[str, tuple[float, float]]) -> None:
        """A job is done; `ranges` are the values at the ends of its layers' colour ramps."""
        self._end(job, "done", rows_done=rows, ramps=json.dumps(ranges))

    def fail(self, job: str, problem: dict[str, Any]) -> None:
        """A job has failed."""
        self._end(job, "failed", problem=json.dumps(problem))

    def _end(self, job: str, state: str, **more: object) -> None:
        now = time.time()
        pairs = {"state": state, "seconds_left": None, "ended": now, "used": now, **more}
        columns = ", ".join(f"{name} = ?" for name in pairs)
        with self._database.change() as change:
            change.execute(f"UPDATE jobs SET {columns} WHERE id = ? AND state = 'running'", (*pairs.values(), job))

    def holds(self, job: str) -> bool:
        """Whether a job was not removed meanwhile."""
        with self._database.connect() as rows:
            return rows.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone() is not None

    def put_back(self, job: str) -> None:
        """A worker that is told to end leaves its job to the next one."""
        with self._database.change() as change:
            change.execute("UPDATE jobs SET state = 'queued', attempts = 0 WHERE id = ? AND state = 'running'", (job,))
