"""Calls that are made once each, on whichever worker, until all have a result.

Workers and the scheduler may be killed at any time, and Dask may make a call twice. So a call must tolerate that: it
raises BusyError while another process does the same, and is asked again later; and it finds what is finished.
"""

import queue
import time
from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smalti.cluster.connect import Connection
from smalti.cluster.work import Reply, call
from smalti.errors import BusyError, ClusterError, OutputError, SmaltiError

if TYPE_CHECKING:
    from distributed import Future

LATER_S = 2.0
"""Seconds after which a call is made again whose output another process makes."""
TRIES = 4
"""Calls in all of one whose result cannot be written: another worker may have room."""
_TICK_S = 0.5
_PROBE_S = 30.0
"""Seconds to wait for the answers of workers, which may be busy with other work."""


class Calls:
    """The calls of one function with each of several arguments."""

    def __init__(
        self,
        connection: Connection,
        function: Callable[[Any], Any],
        arguments: Sequence[Any],
        say: Callable[[str], None],
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """`say` is called with messages, `tick` now and then while nothing happens."""
        self._connection, self._function, self._arguments = connection, function, arguments
        self._say, self._tick = say, tick
        self._running: dict[Future, int] = {}
        self._later: list[tuple[float, int]] = []
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._failed: dict[int, list[str]] = {}
        self._bound: dict[Future, set[str]] = {}
        self._waited: set[int] = set()
        self._told: set[str] = set()
        self._lost = Counter[int]()

    def replies(self) -> Iterator[tuple[int, Reply]]:
        """The number of each call and its reply, in the order in which they end.

        ClusterError if the scheduler is lost and does not come back. What is still running is given up when the caller
        stops.
        """
        for number in range(len(self._arguments)):
            self._submit(number)
        try:
            while self._running or self._later:
                yield from self._next()
        finally:
            for future in list(self._running):
                future.cancel()

    def _next(self) -> Iterator[tuple[int, Reply]]:
        now = time.monotonic()
        for due in [due for due in self._later if due[0] <= now]:
            self._later.remove(due)
            self._submit(due[1])
        try:
            future = self._ended.get(timeout=_TICK_S)
        except queue.Empty:
            self._tick()
            self._unbind()
            return
        number = self._running.pop(future, None)
        self._bound.pop(future, None)
        if number is None:  # of a connection that was lost
            return
        if future.status == "cancelled" or self._connection.client.status != "running":
            self._resubmit_all(number)
        elif (reply := self._reply(future, number)) is not None:
            yield number, reply

    def _submit(self, number: int) -> None:
        failed = self._failed.get(number, [])
        others = [worker for worker in self._connection.workers if worker not in failed] if failed else []
        where: dict[str, Any] = {"workers": others} if others else {}  # strictly: an idle worker would take it again
        future = self._connection.client.submit(
            call, self._function, self._arguments[number], str(Path.cwd()), pure=False, **where
        )
        self._running[future] = number
        if others:
            self._bound[future] = set(others)
        future.add_done_callback(self._ended.put)

    def _unbind(self) -> None:
        """Makes calls again that were meant for workers of which none is left."""
        there = set(self._connection.workers) if self._bound else set()
        for future in [future for future, workers in self._bound.items() if there and not workers & there]:
            del self._bound[future]
            self._submit(self._running.pop(future))
            future.cancel()

    def _resubmit_all(self, number: int) -> None:
        """After the scheduler was lost, and all that it knew."""
        numbers = [number, *self._running.values()]
        self._running.clear()
        self._bound.clear()
        self._say("the connection to the scheduler was lost; trying to connect again")
        self._connection.again()
        for again in numbers:
            self._submit(again)

    def _reply(self, future: "Future", number: int) -> Reply | None:
        """The reply of a call; None if it is made again."""
        from distributed import KilledWorker

        try:
            reply: Reply = future.result(timeout=60)
        except CancelledError:  # the scheduler was lost after the status was looked at
            self._resubmit_all(number)
            return None
        except KilledWorker as error:
            text = f"{error.allowed_failures + 1} workers died in turn while they made it; give them more memory"
            return Reply(ClusterError(text), (), "")
        except (OSError, TimeoutError) as error:  # its worker or the connection went before the result was here
            self._lost[number] += 1
            if self._lost[number] > TRIES:
                return Reply(ClusterError(f"its result was lost {TRIES} times: {error}"), (), "")
            self._submit(number)
            return None
        return None if self._is_made_again(reply, number) else reply

    def _is_made_again(self, reply: Reply, number: int) -> bool:
        error = reply.result
        if isinstance(error, BusyError):
            if number not in self._waited:
                self._say(f"waiting: {error}")
            self._waited.add(number)
            self._later.append((time.monotonic() + LATER_S, number))
            return True
        if isinstance(error, OutputError | ClusterError):
            failed = self._failed.setdefault(number, [])
            failed.append(reply.worker)
            if len(failed) < TRIES:
                if reply.worker not in self._told:  # it may fail at every call: its disk is full
                    self._say(f"worker {reply.worker}: {error}; another worker tries")
                self._told.add(reply.worker)
                elsewhere = set(self._connection.workers) - set(failed)  # or it may come back
                patience_s = 0.0 if elsewhere else LATER_S * 2 ** len(failed)
                self._later.append((time.monotonic() + patience_s, number))
                return True
        return False


def ask_each(connection: Connection, function: Callable[[Any], Any], argument: Any) -> None:
    """Calls a function once on each worker; ClusterError, with the worker, for the first error.

    Workers that do not answer, as they do other work, are left out.
    """
    client, until = connection.client, time.monotonic() + _PROBE_S
    workers = connection.workers
    futures = [client.submit(call, function, argument, str(Path.cwd()), pure=False, workers=[each]) for each in workers]
    for worker, future in zip(workers, futures, strict=True):
        try:
            error = future.result(timeout=max(0.1, until - time.monotonic())).result
        except (OSError, TimeoutError):  # it is busy, or was lost
            future.cancel()
            continue
        if isinstance(error, SmaltiError):
            text = str(error) if isinstance(error, ClusterError) else f"worker {worker}: {error}"
            raise ClusterError(text, value=worker)
