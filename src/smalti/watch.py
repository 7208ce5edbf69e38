"""Callbacks for the progress and messages of jobs; nothing is printed here."""

from collections.abc import Callable

Watch = Callable[[str, int, str], Callable[[float], object]]
"""Called with the title of a job, its number of units and their name (`Pix`); returns a function that adds to the
number of units done."""
Say = Callable[[str], None]
"""Called with a message, one line."""


def unwatched(title: str, total: int, unit: str) -> Callable[[float], object]:
    """Ignores all progress."""
    return lambda more: None


def silent(line: str) -> None:
    """Ignores a message."""
