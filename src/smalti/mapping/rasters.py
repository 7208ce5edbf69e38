"""The rasters of a map: which there are, and whether they may be written."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from smalti.card import Card, Task
from smalti.errors import ModelError, OutputError, OutputWarning, Warn
from smalti.errors import warn as issue
from smalti.files import beside, check_place, guarded, through
from smalti.mapping.spool import check_spool
from smalti.products import Product
from smalti.raster.mark import State, state


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to write besides the map itself, and how."""

    confidence: bool = False
    """The probability of the predicted class, as OUT_confidence.tif."""
    probabilities: bool = False
    """One band per class, as OUT_probabilities.tif."""
    cog: bool = False
    """Cloud Optimized GeoTIFFs, with overviews."""
    uncertainty: bool = False
    """The probability that the predicted class is wrong, calibrated, as OUT_uncertainty.tif."""


def products(output: Path, card: Card, wanted: Wanted) -> dict[Path, Product]:
    """The rasters to write: the first task of classes takes the output's name, others append their own name.

    Without a task of classes the first task takes the output's name. ModelError if no task predicts a map, or one has
    a name that is invalid for a file.
    """
    found: dict[Path, Product] = {}
    for k, task in enumerate(card.map_tasks()):
        if k and Path(task.name).name != task.name:
            raise ModelError(f"model {card.name}: task name {task.name!r} is invalid as a file name; rename the task")
        more = _of_task(output.with_stem(f"{output.stem}_{task.name}") if k else output, task, wanted)
        if found.keys() & more:
            raise ModelError(
                f"model {card.name}: another map has the same file name as task {task.name}; rename the task"
            )
        found |= more
    return found


def _of_task(path: Path, task: Task, wanted: Wanted) -> dict[Path, Product]:
    if task.kind == "value":
        return {path: Product(task, "values")}
    found = {path: Product(task, "classes")}
    if wanted.confidence:
        found[path.with_stem(f"{path.stem}_confidence")] = Product(task, "confidence")
    if wanted.uncertainty:
        found[path.with_stem(f"{path.stem}_uncertainty")] = Product(task, "uncertainty")
    if wanted.probabilities:
        found[path.with_stem(f"{path.stem}_probabilities")] = Product(task, "probabilities")
    return found


def find_states(output: Path, rasters: Iterable[Path], job: str) -> dict[Path, State]:
    """The states of the rasters' files; OutputError where they cannot be written."""
    spool = beside(output, "partial")
    check_spool(spool)
    for path in rasters:
        check_place(path)
    states = {path: state(path, job) for path in rasters}
    if spool.exists():  # killed before the side-car was renamed
        return states
    return {path: "changed" if found == "unmarked" else found for path, found in states.items()}


def make_room(states: dict[Path, State], warn: Warn = issue) -> None:
    """OutputError for a file that is not a map; a map that was changed is renamed."""
    for path, found in states.items():
        if found == "foreign":
            raise OutputError(f"{path}: exists and is not a map of this program; remove it, or choose another output")
        if found == "unreadable":
            warn(OutputWarning(f"{path}: was damaged after it was written; it is made again"))
        if found == "changed":
            numbers = (beside(path, f"changed-{k}") for k in count(1))
            kept = next(name for name in numbers if not name.exists())
            with guarded(path):
                through(path).rename(kept)
            text = f"{path}: was changed after it was written; it is kept as {kept.name}, and the map is made again"
            warn(OutputWarning(text))
