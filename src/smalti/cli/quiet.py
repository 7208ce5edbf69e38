"""Silences libraries written in C, which print messages of their own to the standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """What is printed past Python is dropped; what Python prints, a progress bar too, is shown as before."""
    sys.stderr.flush()
    kept, python = os.dup(2), sys.stderr
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 2)
    try:
        with os.fdopen(os.dup(kept), "w", encoding=python.encoding, errors=python.errors, buffering=1) as shown:
            sys.stderr = shown if _is_ours(python) else python
            yield
    finally:
        sys.stderr = python
        os.dup2(kept, 2)
        os.close(kept)


def _is_ours(stream: object) -> bool:
    """Whether a stream writes to the standard error itself, not to a test's or a notebook's own."""
    return stream is sys.__stderr__
