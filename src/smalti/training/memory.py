"""The memory of the process while it trains."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from smalti.errors import ExtensionError, RecipeError

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
NEVER = 2**31 - 1
SHORTAGES = (
    "out of memory",
    "t allocate memory",
    "cannot allocate",
    "unable to allocate",
    "bad_alloc",
    "start new thread",
)
"""Lower-case parts of libraries' messages when the system has no more memory or threads."""


def keep_freed_memory() -> None:
    """Lets glibc keep freed memory for the next step; does nothing with another C library.

    By default it returns every large block to the kernel, which zeroes each page of the next one: a third of the CPU
    time of a training on a CPU. Without mapped blocks and trimming a step takes 0.7 of the time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # musl and macOS have no mallopt, Windows cannot open None
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, NEVER)


@contextmanager
def memory_explained() -> Iterator[None]:
    """RecipeError where the memory of the machine or of its GPU is not enough for a training."""
    try:
        yield
    except (MemoryError, RuntimeError, ExtensionError) as error:
        why = _shortage(error)
        if why is None:
            raise
        raise RecipeError(
            f"not enough memory for this training ({why}); lower train.batch, train.crop, card.tile, "
            "net.width, train.threads or train.workers"
        ) from None


def _shortage(error: BaseException | None) -> str | None:
    """The message of an error, or of its causes, about a lack of memory; None if it is another error."""
    while error is not None:
        line = (str(error).splitlines() or [""])[0]
        if isinstance(error, MemoryError) or any(said in line.lower() for said in SHORTAGES):
            return line or "MemoryError"
        error = error.__cause__ or error.__context__
    return None
