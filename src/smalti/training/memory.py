"""The memory of the process while it trains."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from smalti.errors import RecipeError

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
"""What libraries say, in small letters, where the system gives no more memory or threads."""


def keep_freed_memory() -> None:
    """Lets glibc keep what is freed for the next step; nothing happens where the C library is another one.

    By default it gives every large block back to the kernel, which fills each page of the next one with zeros: a third
    of all CPU time of a training on a CPU. Without mapped blocks and trimming a step takes 0.7 of the time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # musl and macOS have no mallopt, Windows no program to look in
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, NEVER)


@contextmanager
def memory_explained() -> Iterator[None]:
    """RecipeError where the memory, of the machine or of its GPU, does not suffice for a training."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        why = _shortage(error)
        if why is None:
            raise
        raise RecipeError(
            f"the memory does not suffice for this training ({why}); lower train.batch, train.crop, card.tile, "
            "net.width, train.threads or train.workers"
        ) from None


def _shortage(error: BaseException | None) -> str | None:
    """What was short, of an error or of what it was raised for; None where nothing was."""
    while error is not None:
        line = (str(error).splitlines() or [""])[0]
        if isinstance(error, MemoryError) or any(said in line.lower() for said in SHORTAGES):
            return line or "MemoryError"
        error = error.__cause__ or error.__context__
    return None
