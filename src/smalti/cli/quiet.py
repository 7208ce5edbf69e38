"""Silences libraries written in C that print to the standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drops what is printed directly to the file descriptor; output of Python, such as progress bars, is shown."""
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
    """Whether a stream writes to the standard error of the process, not to a replacement as in tests and notebooks."""
    return stream is sys.__stderr__
