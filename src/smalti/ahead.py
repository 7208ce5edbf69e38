"""Jobs that threads run ahead of time: results come in order, and jobs not yet started are dropped at the end."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

R = TypeVar("R")

AHEAD = 3
"""Number of results computed before they are requested."""


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of `count` threads; at the end, or on an exception, jobs not yet started are dropped."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_order(futures: Iterable[Future[R]], ahead: int = AHEAD) -> Generator[R, None, None]:
    """Results in order, of futures taken from the iterable up to `ahead` of the current one."""
    waiting: deque[Future[R]] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def run_ahead(jobs: Iterable[Callable[[], R]], workers: int) -> Generator[R, None, None]:
    """The results of all jobs, in order; `workers` threads run them ahead of time. The iterable may be infinite."""
    with threads(workers) as pool:
        yield from in_order((pool.submit(job) for job in jobs), max(AHEAD, workers))
