"""Progress of a long job, reported to a callback."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from smalti.errors import OptionError


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of one job; its text is one line."""

    title: str
    """Name of the job, for example that of the map."""
    done: float
    """Amount done so far; may be fractional."""
    total: int
    """The `done` of a finished job."""
    unit: str = ""
    """The unit counted, for example `Pix`."""
    note: str = ""
    """A message about the job, for example that it resumes; one that begins with a return replaces the last."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.done / self.total if self.total else 0.0

    def __str__(self) -> str:
        return self.note.strip() or f"{self.title}: {self.share:.0%} of {self.total:,} {self.unit}".rstrip()


Show = Callable[[Progress], object]
"""Called with each `Progress`, in the caller's thread; whatever it raises ends the job, which can be resumed."""


class Meter:
    """Adds up the progress of one job and reports each step; does nothing without a callback."""

    def __init__(self, show: Show | None, title: str, total: int, unit: str = "") -> None:
        self._show, self._now = show, Progress(title, 0, total, unit)

    def __call__(self, more: float) -> None:
        """Adds to the amount done."""
        self._now = replace(self._now, done=self._now.done + more)
        self._report(self._now)

    def say(self, note: str) -> None:
        """Reports a message about the job."""
        self._report(replace(self._now, note=note))

    def _report(self, now: Progress) -> None:
        if self._show is None:
            return
        try:
            self._show(now)
        except StopIteration as error:  # would end a generator on its way instead of the job
            raise OptionError("progress raised StopIteration; raise another exception to end a job") from error
