"""The table of jobs: what was asked for, and how far it is."""

import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from sqlite3 import IntegrityError, OperationalError, Row
from typing import Any

from smalti.app.database import NOTED_S, Database
from smalti.app.jobs.ramps import ramps_of
from smalti.app.limits import Limits
from smalti.app.problems import ProblemError
from smalti.app.schemas import Job, Kind, Problem, State
from smalti.errors import shown

_DAY_S = 86400
ATTEMPTS = 3
"""How often a job may take its worker down without a further strip."""
_OVER = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Asked:
    """A job as it is asked for, checked."""

    kind: Kind
    spec: Mapping[str, Any]
    """Options, area, layers and whatever else its kind needs, ready for JSON."""
    rows: int
    pixels: int
    scene: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A job as it is stored."""

    id: str
    owner: str
    kind: Kind
    scene: str | None
    model: str | None
    spec: dict[str, Any]
    state: State
    rows_done: int
    shown: Job
    used: float
    """When its use was noted last."""

    @property
    def over(self) -> bool:
        """Whether nothing of it will change unless it is resumed."""
        return self.state in _OVER


class Jobs:
    """All jobs of a server."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database, self._limits = database, limits

    def add(self, owner: str, asked: Asked, key: str | None) -> Stored:
        """Queues a job; the same key gives the job that it gave before. ProblemError beyond the quotas."""
        if key is not None and (found := self._by_key(owner, key, asked)):
            return found
        now, job = time.time(), secrets.token_hex(8)
        spec = json.dumps(asked.spec, sort_keys=True)
        try:
            with self._database.change() as change:
                self._check_waiting(change, owner)
                self._spend(change, owner, job, asked.pixels)
                change.execute(
                    "INSERT INTO jobs (id, owner, kind, scene, model, spec, key, state, rows, pixels, created, used) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?)",
                    (job, owner, asked.kind, asked.scene, asked.model, spec, key, asked.rows, asked.pixels, now, now),
                )
        except IntegrityError:  # another request with that key was quicker
            if key is not None and (found := self._by_key(owner, key, asked)):
                return found
            raise
        return self.get(owner, job)

    def _check_waiting(self, change: Any, owner: str) -> None:
        query = "SELECT count(*) FROM jobs WHERE owner = ? AND state IN ('queued', 'running')"
        waiting = change.execute(query, (owner,)).fetchone()[0]
        if waiting >= self._limits.jobs:
            raise ProblemError(429, f"{waiting} jobs are waiting, as many as allowed; wait for one of them", wait=60)

    def _spend(self, change: Any, owner: str, job: str, pixels: int) -> None:
        """Notes the pixels of a job apart from it: removing it does not give them back. ProblemError for too many."""
        now = time.time()
        change.execute("DELETE FROM spent WHERE at < ?", (now - _DAY_S,))
        query = "SELECT coalesce(sum(pixels), 0) FROM spent WHERE owner = ? AND job != ?"
        today = change.execute(query, (owner, job)).fetchone()[0]
        if today + pixels > self._limits.pixels:
            most = f"{self._limits.pixels / 1e6:,.0f} megapixels a day"
            raise ProblemError(429, f"this job would exceed {most}; draw a smaller area, or wait", wait=3600)
        change.execute("INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?)", (job, owner, pixels, now))

    def _by_key(self, owner: str, key: str, asked: Asked) -> Stored | None:
        with self._database.connect() as rows:
            row = rows.execute("SELECT * FROM jobs WHERE owner = ? AND key = ?", (owner, key)).fetchone()
        if row is None:
            return None
        same = (row["kind"], row["scene"], row["model"], json.loads(row["spec"]))
        if same != (asked.kind, asked.scene, asked.model, json.loads(json.dumps(asked.spec))):
            raise ProblemError(409, "this Idempotency-Key was used for another request; give each request its own")
        return stored(row)

    def get(self, owner: str, job: str) -> Stored:
        """A job of this owner; ProblemError if there is none."""
        with self._database.connect() as rows:
            row = rows.execute("SELECT * FROM jobs WHERE id = ? AND owner = ?", (job, owner)).fetchone()
        if row is None:
            raise ProblemError(404, f"there is no job {shown(job)[:64]}; GET /api/jobs lists yours")
        return stored(row)

    def all(self, owner: str) -> list[Job]:
        """All jobs of this owner, the newest first."""
        with self._database.connect() as rows:
            found = rows.execute("SELECT * FROM jobs WHERE owner = ? ORDER BY created DESC, id", (owner,)).fetchall()
        return [stored(row).shown for row in found]

    def touch(self, job: Stored) -> None:
        """Notes that a job's results are in use, and its scene, unless that was noted a while ago."""
        if (now := time.time()) - job.used > NOTED_S:
            with suppress(OperationalError), self._database.connect() as rows:  # as of a full disk
                rows.execute("UPDATE jobs SET used = ? WHERE id = ?", (now, job.id))
                rows.execute("UPDATE scenes SET used = ? WHERE id = ?", (now, job.scene))

    def cancel(self, job: Stored) -> None:
        """Ends a job; its finished strips stay, and only they are counted. ProblemError for one that is over."""
        with self._database.change() as change:
            done = change.execute(
                "UPDATE jobs SET state = 'cancelled', ended = ?, seconds_left = NULL, speed = NULL "
                "WHERE id = ? AND state IN ('queued', 'running')",
                (time.time(), job.id),
            )
            if not done.rowcount:
                raise ProblemError(409, f"the job is {job.state} already; only waiting and running ones are cancelled")
            change.execute(
                "UPDATE spent SET pixels = (SELECT pixels * rows_done / max(rows, 1) FROM jobs WHERE id = ?) "
                "WHERE job = ?",
                (job.id, job.id),
            )

    def resume(self, job: Stored) -> None:
        """Queues a failed or cancelled job again; it goes on where it ended. ProblemError for another one."""
        with self._database.change() as change:
            self._check_waiting(change, job.owner)
            done = change.execute(
                "UPDATE jobs SET state = 'queued', problem = NULL, ended = NULL, attempts = 0 "
                "WHERE id = ? AND state IN ('failed', 'cancelled')",
                (job.id,),
            )
            if not done.rowcount:
                raise ProblemError(409, f"the job is {job.state}; only failed and cancelled ones are resumed")
            self._spend(change, job.owner, job.id, job.shown.pixels)

    def remove(self, job: Stored) -> None:
        """Removes a job that is over, and that no comparison waits for; ProblemError for another one."""
        with self._database.change() as change:
            waiting = change.execute("SELECT spec FROM jobs WHERE kind = 'compare' AND state IN ('queued', 'running')")
            if any(job.id in (spec := json.loads(row["spec"]))["before"] + spec["after"] for row in waiting):
                raise ProblemError(409, "a comparison uses this map; wait for it")
            done = change.execute(f"DELETE FROM jobs WHERE id = ? AND state IN {_OVER}", (job.id,))
            if not done.rowcount:
                raise ProblemError(409, f"the job is {job.state}; cancel it first")

    def check_unused(self, owner: str, model: str) -> None:
        """ProblemError while a job that waits or runs needs a model."""
        query = "SELECT count(*) FROM jobs WHERE owner = ? AND model = ? AND state IN ('queued', 'running')"
        with self._database.connect() as rows:
            if rows.execute(query, (owner, model)).fetchone()[0]:
                raise ProblemError(409, f"{model}: a job uses it; wait for it, or cancel it first")

    def unused(self, before: float) -> list[Stored]:
        """Jobs that are over, and that nobody has used since a time."""
        with self._database.connect() as rows:
            query = f"SELECT * FROM jobs WHERE used < ? AND state IN {_OVER}"
            return [stored(row) for row in rows.execute(query, (before,)).fetchall()]

    def photo_folders(self) -> set[str]:
        """The folders of all photo series, as the database keeps them."""
        with self._database.connect() as rows:
            found = rows.execute("SELECT spec FROM jobs WHERE kind = 'photos'").fetchall()
        return {str(json.loads(row["spec"])["folder"]) for row in found}

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        with self._database.connect() as rows:
            return dict(tuple(row) for row in rows.execute("SELECT state, count(*) FROM jobs GROUP BY state"))

    def mapped(self) -> int:
        """The pixels of all finished maps."""
        with self._database.connect() as rows:
            query = "SELECT coalesce(sum(pixels), 0) FROM jobs WHERE state = 'done' AND kind = 'map'"
            return int(rows.execute(query).fetchone()[0])


def stored(row: Row) -> Stored:
    """The job of a row of the table."""
    spec = json.loads(row["spec"])
    problem = json.loads(row["problem"]) if row["problem"] else None
    window = spec.get("window")
    job = Job(
        id=row["id"], kind=row["kind"], scene=row["scene"], model=row["model"], options=spec.get("options", {}),
        area=spec.get("area"), before=spec.get("before"), after=spec.get("after"), state=row["state"],
        rows_done=row["rows_done"], rows=row["rows"], pixels=row["pixels"], mpix_per_s=row["speed"],
        seconds_left=row["seconds_left"], problem=Problem(**problem) if problem else None,
        notes=json.loads(row["notes"]), created=row["created"], started=row["started"], ended=row["ended"],
        layers=[*(layer["name"] for layer in spec.get("layers", [])), *spec.get("drawn", [])], window=window,
        ramps=ramps_of(spec, json.loads(row["ramps"]) if row["ramps"] else {}),
    )  # fmt: skip
    return Stored(
        row["id"], row["owner"], row["kind"], row["scene"], row["model"], spec, row["state"], row["rows_done"], job,
        row["used"],
    )  # fmt: skip
