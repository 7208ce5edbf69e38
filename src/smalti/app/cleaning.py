"""Removes results and uploads that nobody has used for long; never one that is being read, or a user's file."""

import logging
import shutil
import threading
import time

from smalti.app.problems import ProblemError
from smalti.app.scenes.leftovers import is_elsewhere, registered
from smalti.app.services import Services

_EVERY_S = 600
_DAY_S = 86400
_log = logging.getLogger("smalti.app")


def clean(services: Services, now: float) -> int:
    """Removes what was last used too long ago; returns how much."""
    days, removed = services.limits.keep_days, services.teachings.lessons.clean(now - _DAY_S)
    if not days:
        return removed
    before = now - days * _DAY_S
    for job in services.jobs.unused(before):
        if job.id not in services.uses:
            try:
                services.remove_job(job)
                removed += 1
            except ProblemError:  # used since
                continue
    for known in services.scenes.unused(before):
        if known.id not in services.uses:
            try:
                services.remove_scene(known)
                removed += 1
            except ProblemError:
                continue
    return removed + _clean_sets(services, before)


def _clean_sets(services: Services, before: float) -> int:
    """Removes sets of photos that browsers cannot show: they are no scenes, so that nobody could remove them."""
    folders, images = services.folders, registered(services.folders)
    series = {folders.found(folder) for folder in services.jobs.photo_folders()}
    if images is None or any(is_elsewhere(folder, folders) for folder in series):
        return 0
    used = series | {image.parent for image in images}
    old = [path for path in (folders.root / "sets").glob("*/*") if path not in used and path.stat().st_mtime < before]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def keep_clean(services: Services, stop: threading.Event) -> None:
    """Cleans now and then, until the event is set."""
    while not stop.is_set():
        try:
            clean(services, time.time())
        except Exception:
            _log.exception("old results could not be removed")
        stop.wait(_EVERY_S)
