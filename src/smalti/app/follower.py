"""The thread that predicts what is in view but not known yet, and then the rest of the scene."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from smalti.app.desk import Desk
from smalti.app.live import LiveMap
from smalti.errors import SmaltiError

_PATIENCE_S = 60.0
"""How long after the last look at a scene its rest is followed."""
_MOST_TILES = 900
"""Tiles of a scene whose rest is followed: the features of so many are kept."""
_log = logging.getLogger("smalti.app")


@dataclass(slots=True)
class _Work:
    """What was looked at last."""

    desk: Desk
    live: LiveMap
    numbers: Sequence[int]
    looked: float


class Follower:
    """Does one tile after the other, of the scene that was looked at last; waits while requests are answered."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0
        self._work: _Work | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None

    def wanted(self, desk: Desk, live: LiveMap, numbers: Sequence[int]) -> None:
        """Some tiles of a scene are in view."""
        with self._changed:
            now, last = time.monotonic(), self._work
            if last is not None and last.live is live and now - last.looked < 1:  # tiles of one view come one by one
                numbers = [*dict.fromkeys([*last.numbers, *numbers])]
            self._work = _Work(desk, live, numbers, now)
            self._changed.notify_all()
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)
                self._thread.start()

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
        while (work := self._next()) is not None:
            try:
                number = _chosen(work)
                if number is None:
                    self._done(work)
                else:
                    work.desk.refresh(work.live, [number], stored=False)
            except (SmaltiError, OSError, ValueError) as error:  # the scene is gone, or was closed meanwhile
                _log.warning("a live map ends: %s", error)
                self._done(work)

    def _next(self) -> _Work | None:
        """What there is to do; waits for it. None when the server ends."""
        with self._changed:
            while not self._stopped and (self._busy or self._work is None):
                self._changed.wait(1.0)
            return None if self._stopped else self._work

    def _done(self, work: _Work) -> None:
        with self._changed:
            if self._work is work:
                self._work = None

    def stop(self) -> None:
        """Ends the thread after its tile."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(10)


def _chosen(work: _Work) -> int | None:
    """The next tile: in view, needed by the first lesson, the rest; None where all is done, or nobody looks."""
    if time.monotonic() - work.looked > _PATIENCE_S:
        return None
    live, lesson = work.live, work.desk.lesson
    rest = live.stale(None, lesson) if len(live.tiles) <= _MOST_TILES else []
    return next(iter([*live.stale(work.numbers, lesson), *live.stale(live.first, lesson), *rest]), None)
