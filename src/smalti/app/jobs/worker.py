"""The worker: takes one job after the other from the table and does it."""

import logging
import shutil
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.jobs.doing import do
from smalti.app.jobs.layers import read_layers, strips_of
from smalti.app.jobs.queue import Queue
from smalti.app.jobs.ramps import measured_ranges
from smalti.app.jobs.table import Stored
from smalti.app.problems import problem_of, to_dict
from smalti.errors import SmaltiWarning
from smalti.workflows.progress import Progress

_IDLE_S = 0.25
_REPORT_S = 0.3
_log = logging.getLogger("smalti.app")


class CancelledError(Exception):
    """Nobody wants the job any more."""


class StoppedError(Exception):
    """The server ends."""


def work_through(folders: Folders, stop: threading.Event) -> None:
    """Does all jobs, until the event is set."""
    queue = Queue(Database(folders.database))
    queue.recover()
    while not stop.is_set():
        if not work_once(folders, queue, stop):
            stop.wait(_IDLE_S)


def work_once(folders: Folders, queue: Queue, stop: threading.Event) -> bool:
    """Does the next job; returns whether there was one."""
    job = queue.take()
    if job is not None:
        _do(job, folders, queue, stop)
        if not queue.holds(job.id):  # what was written after its removal
            shutil.rmtree(folders.job(job.id), ignore_errors=True)
    return job is not None


def _do(job: Stored, folders: Folders, queue: Queue, stop: threading.Event) -> None:
    try:
        with _noted(job, queue, folders):
            do(job, folders, _Report(job, folders, queue, stop))
        ranges = measured_ranges(folders.job(job.id), job.spec)
    except CancelledError:
        return
    except StoppedError:
        queue.put_back(job.id)
    except Exception as error:  # whatever a library raises ends this job only
        _log.exception("job %s", job.id)
        queue.fail(job.id, to_dict(problem_of(error, folders.hide)))
    else:
        queue.finish(job.id, job.shown.rows, ranges)


class _Report:
    """Notes the progress of a job a few times per second; ends it where it is not wanted any more."""

    def __init__(self, job: Stored, folders: Folders, queue: Queue, stop: threading.Event) -> None:
        self._job, self._folders, self._queue, self._stop = job, folders, queue, stop
        self._last = 0.0
        self._begun: tuple[float, float] | None = None

    def __call__(self, now: Progress) -> None:
        if self._stop.is_set():
            raise StoppedError
        time_now = time.monotonic()
        if now.note or not now.total:
            return
        if self._begun is None:
            self._begun = time_now, now.done
        if time_now - self._last < _REPORT_S and now.done < now.total:
            return
        self._last = time_now
        elapsed, done = time_now - self._begun[0], now.done - self._begun[1]
        speed = done / elapsed if elapsed > 0 and done else None
        left = (now.total - now.done) / speed if speed else None
        rows = max(int(self._job.shown.rows * now.done / now.total), self._visible())
        pixels = now.unit == "Pix"
        if not self._queue.report(self._job.id, rows, speed / 1e6 if speed and pixels else None, left):
            raise CancelledError

    def _visible(self) -> int:
        """Rows of a map that are shown already: some are on the disk before they are reported."""
        if self._job.kind != "map":
            return 0
        spec = self._job.spec
        return strips_of(self._folders.job(self._job.id), read_layers(spec), spec["window"][2]).rows_done


@contextmanager
def _noted(job: Stored, queue: Queue, folders: Folders) -> Iterator[None]:
    """Keeps the warnings of the block with the job."""
    notes: list[str] = []
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, *details: Any, **more: Any) -> None:
            if isinstance(message, SmaltiWarning):
                notes.append(folders.hide(str(message)))
                queue.note(job.id, notes)
            else:
                others(message, *details, **more)

        warnings.simplefilter("always", SmaltiWarning)
        warnings.showwarning = show
        yield
