"""Warnings of libraries silenced, where they are reported otherwise or do not concern the user."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_filters = threading.Lock()
"""Filters of warnings belong to the process: threads that change them at once would restore each other's."""


@contextmanager
def recorded() -> Iterator[list[warnings.WarningMessage]]:
    """Yields a list of the warnings of the block, which are not shown."""
    with _filters, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


@contextmanager
def quiet(*kinds: type[Warning]) -> Iterator[None]:
    """Warnings of these kinds are not shown."""
    with _filters, warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("ignore", kind)
        yield
