"""Ranks several folders of photos, each by itself: one after the other, or on the workers of a cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

from smalti.errors import ClusterError, OptionError, SmaltiError, shown
from smalti.photos.cues import CUES
from smalti.runtime.ranker import open_ranker
from smalti.text import count
from smalti.workflows.photos import PhotoOptions, PhotoRanking, rank_folder, write_ranking
from smalti.workflows.progress import Meter, Show
from smalti.workflows.shard import parse_shard


@dataclass(frozen=True, slots=True)
class FolderTask:
    """A folder to be ranked by a worker."""

    folder: Path
    options: PhotoOptions


@dataclass(frozen=True, slots=True)
class WorkerRanker:
    """A ranker that all workers must have."""

    name: str
    sha256: str


def rank_folders(
    folders: Sequence[Path],
    options: PhotoOptions,
    *,
    shard: str | None = None,
    scheduler: str | None = None,
    progress: Show | None = None,
) -> Iterator[PhotoRanking | SmaltiError]:
    """Ranks each folder and writes the requested files; yields the result of each, or its error.

    Of `shard`, such as `0/8`, only every eighth folder is ranked, beginning with the first. With `scheduler`, the
    address of a Dask scheduler or `local:4`, workers rank one folder each at a time; errors come last. Errors of the
    options are raised before the first photo.
    """
    share = parse_shard(shard)
    _check(folders, options)
    mine = share.of(folders)
    if shard is not None:
        Meter(progress, "photos", len(mine)).say(f"shard {share}: {len(mine)} of {count(len(folders), 'folder')}")
    tasks = [FolderTask(folder, options) for folder in mine]
    if scheduler is not None:
        yield from _on_cluster(scheduler, tasks, progress)
        return
    for task in tasks:
        try:
            yield _ranked(task, progress)
        except SmaltiError as error:
            yield error


def _check(folders: Sequence[Path], options: PhotoOptions) -> None:
    """OptionError for options that several folders cannot share, and for folders within each other."""
    one = {"--csv": options.csv, "--copy-picks": options.picks, "--choices": options.choices}
    given = [name for name, value in one.items() if value is not None]
    if given and len(folders) > 1:
        raise OptionError(f"{given[0]} is for one folder, but {len(folders)} are given; give one, or omit it")
    for inner, outer in permutations([folder.resolve() for folder in folders], 2):
        if inner.is_relative_to(outer):
            text = "whose photos are ranked too; give each photo once"
            raise OptionError(f"{shown(inner)}: is given besides {shown(outer)}, {text}", value=inner)
    for folder in folders:
        options.check(folder)


def _ranked(task: FolderTask, progress: Show | None) -> PhotoRanking:
    ranking = rank_folder(task.folder, task.options, progress)
    return replace(ranking, written=write_ranking(ranking, task.options))


def folder_task(task: FolderTask) -> PhotoRanking:
    """Ranks a folder in a worker."""
    return _ranked(task, None)


def check_ranker(wanted: WorkerRanker) -> None:
    """ClusterError if this worker has no such ranker, or another one of that name."""
    try:
        found = open_ranker(wanted.name, CUES, threads=1).sha256
    except SmaltiError as error:
        raise ClusterError(f"a worker cannot open the model: {error}; give all workers the same model") from None
    if found != wanted.sha256:
        digests = f"sha256 {found[:8]}, here {wanted.sha256[:8]}"
        raise ClusterError(f"a worker has another model {wanted.name} ({digests}); give all workers the same model")


def _on_cluster(
    scheduler: str, tasks: Sequence[FolderTask], progress: Show | None
) -> Iterator[PhotoRanking | SmaltiError]:
    """The folders, each by one worker; errors come last."""
    from smalti.cluster.connect import Connection  # lazily: Dask is slow to import
    from smalti.cluster.tasks import ask_each
    from smalti.workflows.on_cluster import each_call

    if not tasks:
        return
    name = tasks[0].options.model
    wanted = WorkerRanker(name, open_ranker(name, CUES, threads=1).sha256)
    failed: list[SmaltiError] = []
    with Connection(scheduler) as connection:
        ask_each(connection, check_ranker, wanted)
        meter = Meter(progress, "photos", len(tasks), "folders")
        for _, result in each_call(connection, folder_task, tasks, meter, [task.folder for task in tasks]):
            if isinstance(result, PhotoRanking):
                yield result
            else:
                failed.append(result)
    yield from failed
