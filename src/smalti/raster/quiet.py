"""Libraries kept from warning about what is told otherwise, or is nobody's business."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_filters = threading.Lock()
"""Filters of warnings belong to the process: threads that change them at once would restore each other's."""


@contextmanager
def quiet(*kinds: type[Warning]) -> Iterator[None]:
    """Warnings of these kinds are not shown."""
    with _filters, warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("ignore", kind)
        yield
