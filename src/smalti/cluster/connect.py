"""The connection to a scheduler: one that runs somewhere, or one of this machine alone."""

import gc
import logging
import os
import pkgutil
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from smalti import __version__
from smalti.errors import ClusterError, MissingExtraError, OptionError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 15.0
"""Seconds to wait for a scheduler at the beginning."""
RETURN_S = 120.0
"""Seconds to wait for a scheduler that was there before: it may be started again."""
_LOCAL = re.compile(r"local(?::(\d{1,4}))?")


def local_workers(scheduler: str) -> int | None:
    """The workers of `local` (one per core) or `local:N`; None for an address; OptionError for neither."""
    if not (found := _LOCAL.fullmatch(scheduler)):
        if ":" not in scheduler or scheduler.startswith("local:"):
            expected = (
                "the address of a Dask scheduler, such as tcp://10.0.0.1:8786, or local:4 for four processes here"
            )
            raise OptionError(f"scheduler is {scheduler!r}; expected {expected}", value=scheduler)
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = int(found[1]) if found[1] else cores
    if not workers:
        raise OptionError(f"scheduler is {scheduler}: there must be at least one worker, such as local:1")
    return workers


class Connection:
    """A client of a scheduler; used as a context."""

    def __init__(self, scheduler: str) -> None:
        """`scheduler` is an address, `local` or `local:N`; MissingExtraError without Dask."""
        self._workers = local_workers(scheduler)
        self._address, self._stack = scheduler, ExitStack()
        self.client: Client
        try:
            import distributed  # noqa: F401
        except ImportError:
            raise MissingExtraError("distributed, which runs clusters,", "cluster") from None

    @property
    def workers(self) -> list[str]:
        """The addresses of the workers that are there now; none without a scheduler."""
        try:
            return list(self.client.nthreads())
        except (OSError, TimeoutError):
            return []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(_quiet())
            if self._workers is not None:
                self._address = stack.enter_context(_local_cluster(self._workers))
            self.client = self._connected(CONNECT_S)
            stack.callback(lambda: self._close())
            self._check_versions()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def again(self) -> None:
        """Connects again after the scheduler was lost; ClusterError if it does not come back."""
        self._close()
        self.client = self._connected(RETURN_S)
        self._check_versions()

    def _close(self) -> None:
        with suppress(OSError, TimeoutError):
            self.client.close(timeout=5)

    def _connected(self, patience_s: float) -> "Client":
        from distributed import Client

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about versions, which are checked below
                return Client(self._address, timeout=patience_s, set_as_default=False, name="smalti")
        except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
            why = str(error).partition("\n")[0] or type(error).__name__
        # A client that was refused half-way is closed by its finalizer, which waits for ever if it runs while Dask
        # holds the lock of its loops: so it is collected now, when nobody holds it.
        gc.collect()
        text = f"{self._address}: no scheduler answers ({why}); start `dask scheduler`, or check the address"
        raise ClusterError(text, value=self._address)

    def _check_versions(self) -> None:
        """ClusterError for a scheduler of another version, or workers with another version of this program."""
        import distributed

        there = self.client.get_versions()["scheduler"]["packages"]["distributed"]
        if there != distributed.__version__:
            text = f"the scheduler has distributed {there}, here is {distributed.__version__}; install the same version"
            raise ClusterError(f"{self._address}: {text}", value=self._address)
        found = self.client.run(pkgutil.resolve_name, "smalti:__version__", on_error="return")
        for worker, version in found.items():
            if isinstance(version, Exception):
                text = f"has no smalti ({version})"
            elif version != __version__:
                text = f"has smalti {version}"
            else:
                continue
            raise ClusterError(f"worker {worker}: {text}; install smalti {__version__} there", value=worker)


@contextmanager
def _local_cluster(workers: int) -> Iterator[str]:
    """A scheduler and workers on this machine, reachable from it alone."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        memory_limit=0,  # a scene's memory is bounded; the default kills workers of a busy machine
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield str(cluster.scheduler_address)


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's lines about lost connections are not shown: what matters is an error, and one line."""
    logs = [logging.getLogger(name) for name in ("distributed", "distributed.client")]  # each has a level and handlers
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
