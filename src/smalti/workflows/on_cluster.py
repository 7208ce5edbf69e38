"""Work of one call on the workers of a cluster: tasks, or strips of one scene."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smalti.cluster.connect import Connection, local_workers
from smalti.cluster.tasks import Calls, ask_each
from smalti.errors import ClusterError, SmaltiError, shown, warn
from smalti.mapping.run import Scatter
from smalti.mapping.spool import Spool
from smalti.mapping.strips import plan_strips
from smalti.runtime.batch import usable_cores
from smalti.scene import Summary
from smalti.workflows.models import OpenModel
from smalti.workflows.progress import Meter
from smalti.workflows.worker_model import WorkerModel, check_model

Scattering = Callable[[Meter], Scatter]
"""Makes strips on the cluster; the progress goes to the meter."""


class OnCluster:
    """A cluster whose workers have a model; used as a context."""

    def __init__(self, scheduler: str, model: OpenModel) -> None:
        """`scheduler` is an address, `local` or `local:N`."""
        workers = local_workers(scheduler)
        share = None if workers is None else max(1, usable_cores() // workers)
        self.model = WorkerModel(model.source, model.engine, model.threads, share, model.sha256)
        self._connection = Connection(scheduler)

    def __enter__(self) -> Self:
        self._connection.__enter__()
        try:
            ask_each(self._connection, check_model, self.model)
        except BaseException:
            self._connection.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.__exit__(kind, error, trace)

    def each(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], meter: Meter, names: Sequence[str | Path]
    ) -> Iterator[tuple[int, Any]]:
        """Calls a function of a module with each task; yields the task's number and the result, or its SmaltiError.

        The function raises BusyError while another process does the same; then it is called again later. Warnings are
        issued here. What was lost with its worker is told by its name.
        """
        yield from each_call(self._connection, function, tasks, meter, names)

    def scattering(self, function: Callable[[Any], Any], task: Callable[[tuple[int, int], str], Any]) -> Scattering:
        """Has strips made by `function`, which is called with the `task` of some rows and a turn."""

        def with_meter(meter: Meter) -> Scatter:
            def scatter(spool: Spool, turn: str, rows: list[int]) -> Summary:
                ask_each(self._connection, check_folder, spool.folder)
                strips = plan_strips(rows, spool.gaps(), max(1, len(self._connection.workers)))
                told = _Told(spool, meter)
                started, total = time.perf_counter(), Summary(0, 0.0, 0, 0, 0.0)
                tasks = [task(strip, turn) for strip in strips]
                for _, reply in Calls(self._connection, function, tasks, meter.say, told).replies():
                    told()
                    if isinstance(reply.result, SmaltiError):
                        raise reply.result
                    total += reply.result
                return replace(total, seconds=time.perf_counter() - started)

            return scatter

        return with_meter


def each_call(
    connection: Connection,
    function: Callable[[Any], Any],
    tasks: Sequence[Any],
    meter: Meter,
    names: Sequence[str | Path],
) -> Iterator[tuple[int, Any]]:
    """As `OnCluster.each`, for calls that need no model of maps."""
    for number, reply in Calls(connection, function, tasks, meter.say).replies():
        for warning in reply.warnings:
            warn(warning)
        meter(1)
        result = reply.result
        lost = isinstance(result, ClusterError) and result.value is None
        yield number, ClusterError(f"{shown(names[number])}: {result}") if lost else result


def check_folder(folder: Path) -> None:
    """ClusterError if this worker does not see a folder that strips are to be written to."""
    if not folder.is_dir():
        text = (
            "strips of one scene need a folder that all workers see; for an output in a store XDG_CACHE_HOME names it"
        )
        raise ClusterError(f"a worker does not see {folder}: {text}")


class _Told:
    """Tells how many pixels of a spool are finished, whoever made them."""

    def __init__(self, spool: Spool, meter: Meter) -> None:
        self._spool, self._meter, self._rows = spool, meter, 0
        self()

    def __call__(self) -> None:
        self._spool.look_again()
        more = self._spool.rows_done - self._rows
        if more > 0:
            self._meter(more * self._spool.width)
            self._rows += more
