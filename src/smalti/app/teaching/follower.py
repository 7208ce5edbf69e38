"""The threads that predict what is in view but not known yet, and then the rest of the scene.

They have a low priority and the network runs in them, so that they take what time the answers to requests leave.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from smalti.app.problems import said
from smalti.app.teaching.desk import Desk
from smalti.app.teaching.live import LiveMap
from smalti.runtime.batch import usable_cores

_PATIENCE_S = 60.0
"""How long after the last look at a scene its rest is followed."""
_MOST_TILES = 900
"""Tiles of a scene whose rest is followed: the features of so many are kept."""
_MOST_THREADS = 4
_NICE = 10
_log = logging.getLogger("smalti.app")


@dataclass(slots=True)
class _Work:
    """What was looked at last."""

    desk: Desk
    live: LiveMap
    numbers: Sequence[int]
    looked: float


class Follower:
    """Predicts one tile after the other, of the scene that was looked at last; waits while requests are answered."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0
        self._work: _Work | None = None
        self._taken: set[tuple[int, int]] = set()
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def wanted(self, desk: Desk, live: LiveMap, numbers: Sequence[int]) -> None:
        """Some tiles of a scene are in view."""
        with self._changed:
            now, last = time.monotonic(), self._work
            if last is not None and last.live is live and now - last.looked < 1:  # tiles of one view come one by one
                numbers = [*dict.fromkeys([*last.numbers, *numbers])]
            self._work = _Work(desk, live, numbers, now)
            self._changed.notify_all()
            if not self._threads and not self._stopped:
                count = min(_MOST_THREADS, usable_cores())
                self._threads = [
                    threading.Thread(target=self._follow, name="follower", daemon=True) for _ in range(count)
                ]
                for thread in self._threads:
                    thread.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No tile is begun during the block."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _follow(self) -> None:
        if sys.platform == "linux":  # elsewhere that would be of the whole process
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while (found := self._next()) is not None:
            work, number = found
            try:
                work.desk.refresh(work.live, [number], stored=False)
            except Exception as error:  # the scene is gone, was closed meanwhile, or whatever a library raises
                _log.warning("a live map ends: %s", error)
                work.live.problem = said(error)
                self._end(work)
            finally:
                with self._changed:
                    self._taken.discard((id(work.live), number))

    def _next(self) -> tuple[_Work, int] | None:
        """The next tile, which no other thread has; waits for one. None when the server ends."""
        with self._changed:
            while not self._stopped:
                work = None if self._busy else self._work
                number = None if work is None else self._chosen(work)
                if work is not None and number is not None:
                    self._taken.add((id(work.live), number))
                    return work, number
                self._changed.wait(1.0)
            return None

    def _chosen(self, work: _Work) -> int | None:
        """A tile in view, one that the first lesson needs, or one of the rest; None where nobody looks any more."""
        if time.monotonic() - work.looked > _PATIENCE_S:
            return None
        live, lesson = work.live, work.desk.lesson
        rest = live.stale(None, lesson) if len(live.tiles) <= _MOST_TILES else []
        wanted = (*live.stale(work.numbers, lesson), *live.stale(live.first, lesson), *rest)
        return next((number for number in wanted if (id(live), number) not in self._taken), None)

    def _end(self, work: _Work) -> None:
        with self._changed:
            if self._work is work:
                self._work = None

    def stop(self) -> None:
        """Ends the threads after their tiles."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(10)
