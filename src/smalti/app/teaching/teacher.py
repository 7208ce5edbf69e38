"""Teaches in the server's process: the lessons that are being worked on, a few at a time.

NumPy and ONNX Runtime compute without Python's lock, in threads, so that other requests are answered meanwhile.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from smalti.app.folders import Folders
from smalti.app.limits import Limits
from smalti.app.models import parent_task
from smalti.app.problems import ProblemError, said
from smalti.app.teaching.desk import Desk
from smalti.app.teaching.follower import Follower
from smalti.app.teaching.live import LiveMap
from smalti.app.teaching.projects import Canvas, LessonProject
from smalti.app.teaching.schemas import Suggested
from smalti.app.teaching.table import Lessons, StoredLesson
from smalti.errors import SmaltiError
from smalti.lessons.stored import StoredNetwork, TileStore
from smalti.runtime.models import ModelFile, find_model, verify

_DESKS, _NETWORKS = 4, 2
"""Lessons and models that are kept in memory."""
_AT_ONCE = 2
"""Lessons that are learned at once; further ones wait."""
_PATIENCE_S = 30.0
_BUDGET_S = 0.35
"""Time that a request for a tile may take to predict what is known already."""


class Teacher:
    """All lessons that are open."""

    def __init__(self, folders: Folders, limits: Limits, lessons: Lessons) -> None:
        self._folders, self._limits, self._lessons = folders, limits, lessons
        self._lock, self._starting = threading.Lock(), threading.Lock()
        self._projects: dict[str, LessonProject] = {}
        self._desks: OrderedDict[str, Desk] = OrderedDict()
        self._networks: OrderedDict[str, StoredNetwork] = OrderedDict()
        self._store: TileStore | None = None
        self._suggesting = threading.Lock()
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self.follower = Follower()

    def project(self, lesson: StoredLesson) -> LessonProject:
        """The project of a lesson."""
        with self._lock:
            if lesson.id not in self._projects:
                history = lambda: [step.project for step in self._lessons.steps(lesson)]  # noqa: E731
                self._projects[lesson.id] = LessonProject(lesson.folder, self._labels, history)
            return self._projects[lesson.id]

    def _labels(self, model: str) -> Sequence[str]:
        return parent_task(model).labels

    def network(self, model: str) -> StoredNetwork:
        """A model that can be taught, by its name or file; ModelError for one that cannot.

        It runs in the thread that asks, with the priority of this thread.
        """
        found: ModelFile = verify(find_model(model))
        with self._starting:
            if self._store is None:
                self._store = TileStore(self._folders.features, self._limits.features_bytes)
            if found.sha256 not in self._networks:
                self._networks[found.sha256] = StoredNetwork(found, self._store, threads=1)
            self._networks.move_to_end(found.sha256)
            while len(self._networks) > _NETWORKS:
                self._networks.popitem(last=False)
            return self._networks[found.sha256]

    def desk(self, lesson: StoredLesson) -> Desk:
        """A lesson in memory: what was learned from its strokes is learned again where it is not there any more."""
        desk = self._opened(lesson)
        if not desk.restored:
            with desk.learning:
                if not desk.restored:
                    self._restore(lesson, desk)
        return desk

    def _restore(self, lesson: StoredLesson, desk: Desk) -> None:
        now, text = self.project(lesson).now()
        if now.painted and self._lessons.steps(lesson):
            try:
                with self.slot():
                    desk.learn(now, text, lambda _: None)
            except SmaltiError as error:  # such as a scene that is gone: the others can be painted on all the same
                desk.problem = said(error)
        desk.restored = True

    def _opened(self, lesson: StoredLesson) -> Desk:
        with self._lock:
            if lesson.id in self._desks:
                self._desks.move_to_end(lesson.id)
                return self._desks[lesson.id]
        project = self.project(lesson).read()
        made = Desk(self.network(project.model), project)
        with self._lock:
            desk = self._desks.setdefault(lesson.id, made)
            closed = [self._desks.popitem(last=False)[1] for _ in range(len(self._desks) - _DESKS)]
        for old in closed:
            old.close()
        return desk

    def live(self, lesson: StoredLesson, canvas: Canvas) -> LiveMap:
        """The live map of a scene of a lesson; RasterError or ModelError where it does not fit the model."""
        bands = self.project(lesson).read().bands.get(canvas.image)
        return self.desk(lesson).live(canvas, bands)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """One of the few places to learn in; ProblemError where all stay taken."""
        if not self._slots.acquire(timeout=_PATIENCE_S):
            raise ProblemError(429, "other lessons are being learned; send it again", wait=5)
        try:
            with self.follower.paused():
                yield
        finally:
            self._slots.release()

    def freshened(self, desk: Desk, live: LiveMap, numbers: list[int]) -> None:
        """Predicts tiles anew whose features are known, for a short time; the rest follows in the background."""
        end = time.monotonic() + _BUDGET_S
        with self.follower.paused():
            for number in live.stale(numbers, desk.lesson):
                if time.monotonic() > end:
                    break
                desk.refresh(live, [number], stored=True)
        self.follower.wanted(desk, live, numbers)

    def suggestions(self, lesson: StoredLesson, canvas: Canvas, most: int) -> list[Suggested]:
        """The windows of a scene where strokes would help most; those that are like strokes come last."""
        desk = self.desk(lesson)
        live, painted = self.live(lesson, canvas), desk.examples(canvas.image)
        with self._suggesting:
            found = live.suggestions(painted, most)
        down, right = live.scale
        return [
            Suggested(
                window=[int(w.col / right), int(w.row / down), round(w.width / right), round(w.height / down)],
                uncertain=each.uncertain, unlike=each.unlike,
            )
            for each in found for w in [each.window]
        ]  # fmt: skip

    def forget(self, lesson: StoredLesson) -> None:
        """Closes a lesson."""
        with self._lock:
            desk = self._desks.pop(lesson.id, None)
            self._projects.pop(lesson.id, None)
        if desk is not None:
            desk.close()

    def close(self) -> None:
        """Ends the work in the background, and closes all lessons."""
        self.follower.stop()
        with self._lock:
            desks = list(self._desks.values())
            self._desks.clear()
        for desk in desks:
            desk.close()
