"""Images of an evaluation, each counted by a worker of a cluster."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from smalti.errors import SmaltiError
from smalti.evaluation.pairs import Pair
from smalti.evaluation.run import CountAll, Counts, Scoring
from smalti.workflows.models import OpenModel
from smalti.workflows.on_cluster import OnCluster
from smalti.workflows.progress import Meter
from smalti.workflows.worker_model import WorkerModel


@dataclass(frozen=True, slots=True)
class ImageTask:
    """An image to be counted by a worker."""

    model: WorkerModel
    scoring: Scoring
    pair: Pair


def image_task(task: ImageTask) -> Counts | None:
    """Counts an image in a worker."""
    return task.scoring.count(task.scoring.passes(task.model.opened()), task.pair)


def count_on_cluster(scheduler: str, model: OpenModel, pairs: Sequence[Pair], meter: Meter) -> CountAll:
    """Has images counted by the workers of a scheduler, which is an address, `local` or `local:N`."""

    def counts(scoring: Scoring) -> Iterator[Counts | None]:
        with OnCluster(scheduler, model) as cluster:
            tasks = [ImageTask(cluster.model, scoring, pair) for pair in pairs]
            yield from _in_order(cluster.each(image_task, tasks, meter, [pair.name for pair in pairs]))

    return counts


def _in_order(found: Iterable[tuple[int, Any]]) -> Iterator[Counts | None]:
    """The counts in the order of their images; the first error is raised."""
    waiting: dict[int, Counts | None] = {}
    next_ = 0
    for number, result in found:
        if isinstance(result, SmaltiError):
            raise result
        waiting[number] = result
        while next_ in waiting:
            yield waiting.pop(next_)
            next_ += 1
