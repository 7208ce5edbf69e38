"""Reports the progress of nested jobs to a callback; prints nothing."""

from collections.abc import Callable

Watch = Callable[[str, int, str], Callable[[float], object]]
"""Called with the title of a job, its number of units and their name (`Pix`); returns a function that adds to the
number of units done."""


def unwatched(title: str, total: int, unit: str) -> Callable[[float], object]:
    """Reports to nobody."""
    return lambda more: None
