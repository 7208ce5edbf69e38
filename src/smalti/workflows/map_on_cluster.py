"""Maps made by the workers of a cluster: many scenes each by one worker, or one scene as strips."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from smalti.errors import BusyError, SmaltiError
from smalti.mapping.protect import Outputs
from smalti.mapping.source import Source
from smalti.remote.store import StoreError
from smalti.scene import Summary
from smalti.workflows.map_options import MapOptions
from smalti.workflows.map_result import MapResult
from smalti.workflows.map_run import MapRun
from smalti.workflows.models import OpenModel
from smalti.workflows.on_cluster import OnCluster
from smalti.workflows.progress import Meter, Show
from smalti.workflows.worker_model import WorkerModel

if TYPE_CHECKING:
    from smalti.workflows.delivery import Delivery

LATER_S = 2.0
"""Seconds after which a map is looked at again that another process makes."""


@dataclass(frozen=True)
class MapTask:
    """One map to be made by a worker."""

    source: Source
    path: Path
    planned: Outputs
    options: MapOptions
    store: str | None = None
    """The address of the output if it is in a store; then the map is made in a folder of the worker's machine."""
    model: WorkerModel | None = None

    def run(self) -> MapRun:
        """The run of this map alone, in a worker."""
        assert self.model is not None
        return MapRun(self.model.opened(), self.options, None, [self.source], here=False)


@dataclass(frozen=True)
class StripTask:
    """A strip of a map to be made by a worker."""

    whole: MapTask
    rows: tuple[int, int]
    turn: str


def map_task(task: MapTask) -> MapResult:
    """Makes a map in a worker, and brings it where it is to be."""
    run, path = task.run(), task.path
    if task.store is None:
        delivery = run.delivery(None, path.parent)
        return run.deliver(delivery, task.source, path, task.planned, path.name)
    from smalti.workflows.delivery import place_for_worker

    try:
        place = place_for_worker(task.store)
        path = place.work / path.name
        return run.deliver(run.delivery(place, path.parent), task.source, path, run.planned(path), path.name)
    except StoreError:
        place_for_worker.cache_clear()  # the next map asks for credentials again
        raise


def strip_task(task: StripTask) -> Summary:
    """Makes a strip of a map in a worker."""
    return task.whole.run().map_strip(task.whole.source, task.whole.path, task.rows, task.turn)


def map_on_cluster(
    scheduler: str,
    run: MapRun,
    model: OpenModel,
    tasks: Sequence[MapTask],
    delivery: "Delivery | None",
    progress: Show | None,
) -> Iterator[MapResult | SmaltiError]:
    """Several maps, each by one worker, or one map as strips; errors come last."""
    with OnCluster(scheduler, model) as cluster:
        tasks = [replace(task, model=cluster.model) for task in tasks]
        if len(tasks) == 1:
            yield _in_strips(cluster, run, tasks[0], delivery)
            return
        failed: list[SmaltiError] = []
        meter = Meter(progress, "map", len(tasks), "scenes")
        for _, result in cluster.each(map_task, tasks, meter, [task.path for task in tasks]):
            if isinstance(result, MapResult | StoreError):  # the store would refuse the next map, too
                yield result
            else:
                failed.append(result)
        yield from failed


def _in_strips(cluster: OnCluster, run: MapRun, task: MapTask, delivery: "Delivery | None") -> MapResult | SmaltiError:
    """One map as strips; workers that still make some for a client that was killed are waited for."""
    scatter = cluster.scattering(strip_task, partial(StripTask, task))
    while True:
        try:
            return run.deliver(delivery, task.source, task.path, task.planned, task.path.name, scatter)
        except BusyError:
            time.sleep(LATER_S)
        except SmaltiError as error:
            return error
