"""How far a long work is, told to a function of the caller."""

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one work is; as text one line."""

    title: str
    """What is done, for example the name of the map."""
    done: float
    """A part of the last one may be done."""
    total: int
    """The `done` of a finished work."""
    unit: str = ""
    """What is counted, for example `Pix`."""
    note: str = ""
    """A line about the work itself, for example that it resumes; one that begins with a return replaces the last."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.done / self.total if self.total else 0.0

    def __str__(self) -> str:
        return self.note.strip() or f"{self.title}: {self.share:.0%} of {self.total:,} {self.unit}".rstrip()


Show = Callable[[Progress], object]
"""Takes each `Progress`, in the thread that called the verb; whatever it raises ends the work, which can be resumed."""


class Meter:
    """Counts the advances of one work and shows each; without a function to show it to, nothing is done."""

    def __init__(self, show: Show | None, title: str, total: int, unit: str = "") -> None:
        self._show, self._now = show, Progress(title, 0, total, unit)

    def __call__(self, more: float) -> None:
        """Takes how many more are done."""
        self._now = replace(self._now, done=self._now.done + more)
        if self._show is not None:
            self._show(self._now)

    def say(self, note: str) -> None:
        """Takes a line about the work."""
        if self._show is not None:
            self._show(replace(self._now, note=note))
