"""The table of lessons: which scenes belong to one, and what was learned so far. The rest is in its project folder."""

import json
import math
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, Row

from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.limits import Limits
from smalti.app.problems import ProblemError
from smalti.app.teaching.schemas import Step
from smalti.errors import shown

_STEPS = 100
"""Lessons that can be undone."""


@dataclass(frozen=True, slots=True)
class StoredLesson:
    """A lesson as it is stored."""

    id: str
    owner: str
    name: str
    scenes: tuple[str, ...]
    created: float
    folder: Path
    """Its project, as `smalti teach` takes it."""


@dataclass(frozen=True, slots=True)
class StoredStep:
    """What was learned once."""

    shown: Step
    project: str
    """The text of the project's file at that time."""


class Lessons:
    """All lessons of a server."""

    def __init__(self, database: Database, folders: Folders, limits: Limits) -> None:
        self._database, self._folders, self._limits = database, folders, limits

    def add(self, owner: str, name: str, scene: str, begin: Callable[[Path], object]) -> StoredLesson:
        """A new lesson, whose project `begin` writes into its folder first; ProblemError beyond the quota."""
        lesson = secrets.token_hex(8)
        folder = self._folders.lesson(lesson)
        try:
            begin(folder)
            with self._database.change() as change:
                _check_scene(change, owner, scene)
                count = change.execute("SELECT count(*) FROM lessons WHERE owner = ?", (owner,)).fetchone()[0]
                if count >= self._limits.lessons:
                    raise ProblemError(429, f"{count} lessons are kept, as many as allowed; remove some first")
                values = (lesson, owner, name, json.dumps([scene]), time.time())
                change.execute("INSERT INTO lessons VALUES (?, ?, ?, ?, ?)", values)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.get(owner, lesson)

    def get(self, owner: str, lesson: str) -> StoredLesson:
        """A lesson of this owner; ProblemError if there is none."""
        with self._database.connect() as rows:
            row = rows.execute("SELECT * FROM lessons WHERE id = ? AND owner = ?", (lesson, owner)).fetchone()
        if row is None:
            raise _no_lesson(lesson)
        return self._stored(row)

    def all(self, owner: str) -> list[StoredLesson]:
        """All lessons of this owner, the newest first."""
        with self._database.connect() as rows:
            query = "SELECT * FROM lessons WHERE owner = ? ORDER BY created DESC, id"
            return [self._stored(row) for row in rows.execute(query, (owner,)).fetchall()]

    def _stored(self, row: Row) -> StoredLesson:
        scenes = tuple(json.loads(row["scenes"]))
        return StoredLesson(
            row["id"], row["owner"], row["name"], scenes, row["created"], self._folders.lesson(row["id"])
        )

    def add_scene(self, lesson: StoredLesson, scene: str) -> StoredLesson:
        """A lesson with one more scene; ProblemError if there is none, or beyond the quota."""
        with self._database.change() as change:
            _check_scene(change, lesson.owner, scene)
            scenes = list(dict.fromkeys([*_scenes(change, lesson.id), scene]))
            if len(scenes) > self._limits.lesson_scenes:
                raise ProblemError(429, f"a lesson has at most {self._limits.lesson_scenes} scenes; begin another one")
            change.execute("UPDATE lessons SET scenes = ? WHERE id = ?", (json.dumps(scenes), lesson.id))
        return self.get(lesson.owner, lesson.id)

    def remove_scene(self, lesson: StoredLesson, scene: str) -> StoredLesson:
        """A lesson without a scene."""
        with self._database.change() as change:
            scenes = [each for each in _scenes(change, lesson.id) if each != scene]
            change.execute("UPDATE lessons SET scenes = ? WHERE id = ?", (json.dumps(scenes), lesson.id))
        return self.get(lesson.owner, lesson.id)

    def rename(self, lesson: StoredLesson, name: str) -> StoredLesson:
        """A lesson with another name."""
        with self._database.change() as change:
            change.execute("UPDATE lessons SET name = ? WHERE id = ?", (name, lesson.id))
        return self.get(lesson.owner, lesson.id)

    def remove(self, lesson: StoredLesson) -> None:
        """Removes a lesson with its strokes; models that were saved stay."""
        with self._database.change() as change:
            change.execute("DELETE FROM lessons WHERE id = ?", (lesson.id,))
            change.execute("DELETE FROM steps WHERE lesson = ?", (lesson.id,))
        shutil.rmtree(lesson.folder, ignore_errors=True)

    def steps(self, lesson: StoredLesson) -> list[StoredStep]:
        """What was learned, the first one first."""
        with self._database.connect() as rows:
            found = rows.execute("SELECT * FROM steps WHERE lesson = ? ORDER BY number", (lesson.id,)).fetchall()
        return [StoredStep(Step(**json.loads(row["facts"])), row["project"]) for row in found]

    def last(self, lesson: StoredLesson) -> int:
        """The number of the last step; 0 before the first one."""
        with self._database.connect() as rows:
            query = "SELECT coalesce(max(number), 0) FROM steps WHERE lesson = ?"
            return int(rows.execute(query, (lesson.id,)).fetchone()[0])

    def add_step(self, lesson: StoredLesson, step: Step, project: str) -> Step:
        """Keeps what was learned from a project's text; it is numbered here."""
        with self._database.change() as change:
            last = change.execute("SELECT max(number) FROM steps WHERE lesson = ?", (lesson.id,)).fetchone()[0]
            numbered = step.model_copy(update={"number": (last or 0) + 1})
            values = (lesson.id, numbered.number, numbered.model_dump_json(), project)
            change.execute("INSERT INTO steps VALUES (?, ?, ?, ?)", values)
            old = numbered.number - _STEPS
            change.execute("DELETE FROM steps WHERE lesson = ? AND number <= ?", (lesson.id, old))
        return numbered

    def saved_as(self, lesson: StoredLesson, step: Step, model: str) -> None:
        """Notes the model that was saved of a step."""
        facts = step.model_copy(update={"model": model}).model_dump_json()
        with self._database.change() as change:
            query = "UPDATE steps SET facts = ? WHERE lesson = ? AND number = ?"
            change.execute(query, (facts, lesson.id, step.number))

    def keep_steps(self, lesson: StoredLesson, number: int) -> None:
        """Forgets what was learned after the step of that number."""
        with self._database.change() as change:
            change.execute("DELETE FROM steps WHERE lesson = ? AND number > ?", (lesson.id, number))

    def clean(self, before: float) -> int:
        """Removes folders that a killed server left of lessons that it began; returns how many."""
        old = [folder for folder in (self._folders.root / "lessons").iterdir() if _changed(folder) < before]
        with self._database.connect() as rows:
            known = {row["id"] for row in rows.execute("SELECT id FROM lessons")}
        left = [folder for folder in old if folder.name not in known]
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return len(left)


def _no_lesson(lesson: str) -> ProblemError:
    return ProblemError(404, f"there is no lesson {shown(lesson)[:64]}; GET /api/lessons lists yours")


def _scenes(change: Connection, lesson: str) -> list[str]:
    row = change.execute("SELECT scenes FROM lessons WHERE id = ?", (lesson,)).fetchone()
    if row is None:
        raise _no_lesson(lesson)
    return list(json.loads(row["scenes"]))


def _check_scene(change: Connection, owner: str, scene: str) -> None:
    """ProblemError for a scene that was removed meanwhile."""
    if change.execute("SELECT 1 FROM scenes WHERE id = ? AND owner = ?", (scene, owner)).fetchone() is None:
        raise ProblemError(404, f"there is no scene {shown(scene)[:64]}; GET /api/scenes lists yours")


def _changed(folder: Path) -> float:
    """When a folder, or what lies in it, was last changed; never where it is just being removed."""
    with suppress(OSError):
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    return math.inf
