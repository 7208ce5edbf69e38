"""A progress bar with speed and time left, where somebody looks at it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(total: int, unit: str, title: str) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how many more are done."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, unit_scale=total > 100_000, desc=title, leave=False) as shown:
        yield lambda done: shown.update(done) and None
