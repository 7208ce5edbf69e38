"""Reports the progress of work inside other work to a callback; prints nothing."""

from collections.abc import Callable

Watch = Callable[[str, int, str], Callable[[float], object]]
"""From the title of a work, the number of its units and their name (`Pix`), a function that takes how many more are
done."""


def unwatched(title: str, total: int, unit: str) -> Callable[[float], object]:
    """Tells nobody."""
    return lambda more: None
