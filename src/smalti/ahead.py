"""Work that threads do ahead of time: its results come in order, and what has not begun is dropped at the end."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

R = TypeVar("R")

AHEAD = 3
"""Results that are made ready before they are asked for."""


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Some threads; at the end, or on an exception, what they have not begun is dropped."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_order(futures: Iterable[Future[R]], ahead: int = AHEAD) -> Generator[R, None, None]:
    """Results in order, of futures drawn from the iterable up to `ahead` before they are waited for."""
    waiting: deque[Future[R]] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def run_ahead(jobs: Iterable[Callable[[], R]], workers: int) -> Generator[R, None, None]:
    """What each job returns, in order; `workers` threads do them ahead of time. There may be endlessly many."""
    with threads(workers) as pool:
        yield from in_order((pool.submit(job) for job in jobs), max(AHEAD, workers))
