"""Progress of a long job: a bar in a terminal, occasional lines in a log.

Programs that run the command line and show its progress, such as the plugin for QGIS, set `SMALTI_PROGRESS_EVERY` to
the number of seconds between two lines.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

import click

from smalti.text import duration
from smalti.workflows.progress import Progress

FIRST_S, EVERY_S = 10.0, 30.0
"""Seconds until the first line in a log, and between two lines."""


class Bars:
    """Shows each `Progress`: a bar or a log for one work at a time, and notes as lines."""

    def __init__(self) -> None:
        self._stack, self._last = ExitStack(), Progress("", 0, 0)
        self._advance: Callable[[float], None] = lambda _: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes the bar, so that lines can be printed."""
        self._stack.close()
        self._last = Progress("", 0, 0)

    def __call__(self, now: Progress) -> None:
        """Shows the progress of a job."""
        if (now.title, now.total) != (self._last.title, self._last.total):
            self.close()
            self._advance = self._stack.enter_context(_bar(now.total, now.unit, now.title))
            self._last = Progress(now.title, 0, now.total)
        if now.note:
            click.echo(now.note)
        elif now.done > self._last.done:
            self._advance(now.done - self._last.done)
            self._last = now


class Lines(Bars):
    """Prints notes as lines, and shows a work without notes as a bar or a log.

    A note that begins with a carriage return replaces the previous one in a terminal; in a log it is printed now and
    then.
    """

    def __init__(self, err: bool = False) -> None:
        """`err` prints to standard error, where the result is what is printed."""
        super().__init__()
        self._err = err
        self._next = time.monotonic() + FIRST_S

    def __call__(self, now: Progress) -> None:
        """Shows the progress of a job."""
        if not now.note:
            super().__call__(now)
            return
        self.close()
        if not now.note.startswith("\r"):
            click.echo(now.note, err=self._err)
        elif (sys.stderr if self._err else sys.stdout).isatty():
            click.echo(now.note, nl=False, err=self._err)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_S
            click.echo(now.note.strip(), err=self._err)


@contextmanager
def _bar(total: int, unit: str, title: str) -> Iterator[Callable[[float], None]]:
    """Yields a function that adds finished units."""
    if not sys.stderr.isatty():
        yield Log(total, unit, title)
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, unit_scale=total > 100_000, desc=title, leave=False) as shown:
        yield lambda done: shown.update(done) and None


class Log:
    """Prints occasional lines to stderr with the amount done, the speed and the remaining time."""

    def __init__(self, total: int, unit: str, title: str) -> None:
        self._total, self._unit, self._title = total, unit, title
        self._began = time.monotonic()
        first, self._every = _pauses()
        self._next = self._began + first
        self._first = self._done = 0.0

    def __call__(self, done: float) -> None:
        """Adds finished units; those reported immediately were finished by an earlier run and are not in the speed."""
        now = time.monotonic()
        if not self._done and now - self._began < 0.01:
            self._first = done
        self._done += done
        if now < self._next or self._done >= self._total:
            return
        self._next = now + self._every
        speed = (self._done - self._first) / (now - self._began)
        left = f", {duration((self._total - self._done) / speed)} left" if speed else ""
        line = f"{self._title}: {self._done / self._total:.0%}"
        if self._total > 1:  # else shares are counted
            line += f" of {_short(self._total)}{self._unit}, {_short(speed)}{self._unit}/s"
        click.echo(f"{line}{left}", err=True)


def _pauses() -> tuple[float, float]:
    """Seconds until the first line in a log, and between two lines."""
    try:
        every = float(os.environ["SMALTI_PROGRESS_EVERY"])
    except (KeyError, ValueError):
        return FIRST_S, EVERY_S
    return every, every


def _short(number: float) -> str:
    scale, letter = next(((s, m) for s, m in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if number >= s), (1.0, ""))
    return f"{number / scale:.3g} {letter}"
