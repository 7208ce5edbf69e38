"""Teaches a model a place: strokes on scenes become a model file of the user's own."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from smalti.arguments import checked
from smalti.card import Card, Origin, Score
from smalti.errors import DataError, DataWarning, LabelError, OptionError, about, warn
from smalti.files import check_place, write_whole
from smalti.lessons.classes import ClassPlan, plan_classes
from smalti.lessons.examples import Samples, SceneExamples, gather, joined, load_examples
from smalti.lessons.graft import grafted
from smalti.lessons.lesson import Lesson, Strokes, Validated, learn
from smalti.lessons.network import TeachableNetwork
from smalti.lessons.project import Painted, Project, load_project
from smalti.lessons.strokes import Stroke, read_strokes
from smalti.lock import hold
from smalti.mapping.fit import open_fitting
from smalti.mapping.identity import identity
from smalti.mapping.source import Source
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.raster.scaled import Scaled
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.text import count
from smalti.workflows.export import check_free
from smalti.workflows.progress import Meter, Show

_PLACE = 256
"""Side in pixels of what counts as one place of a scene."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A model file that was taught, and how good it is."""

    path: Path
    parent: str
    """The model it was taught from."""
    classes: tuple[str, ...]
    strokes: int
    scenes: int
    learned: bool
    """Whether the strokes made it better; if not, it predicts what its parent does."""
    by_stroke: Validated
    """Cross-validated by stroke, five folds."""
    by_place: Validated
    """The same by squares of 256 pixels."""
    changed: float
    """The share of the scenes, by pixels spread over them, that is mapped as another class than before."""
    seconds: float = field(repr=False)
    """Time of the lesson itself, without the features of new strokes."""

    def __str__(self) -> str:
        what = f"{count(self.strokes, 'stroke')} on {count(self.scenes, 'scene')}, {self.seconds:.2f} s"
        what += f"; {100 * self.changed:.0f} % of the pixels change"
        kept = "" if self.learned else f"\nthe strokes did not improve the model: it stays as {self.parent}"
        return f"{self.path}: {what}\n{self.by_stroke}\n{self.by_place}{kept}"


@checked()
def teach(
    project: str | Path,
    output: str | Path,
    *,
    add: Sequence[Sequence[str | Path]] = (),
    model: str | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
    progress: Show | None = None,
) -> Taught:
    """Learns from all strokes of a project, and writes the result as a model file.

    The model stays as it is where held-out strokes are not mapped better; the result says so. What the model computes
    at strokes is stored in the project, so that a further lesson computes only that of new strokes.

    Args:
        project: A folder with `teach.toml`; it is created with the first strokes.
        output: A path that ends in .onnx.
        add: Pairs of a scene and a file of strokes on it: points, lines or polygons with an attribute `class`, or a
            raster of class ids. The strokes are copied into the project.
        model: The name or file of the model to start from; by default the project's, at first `landcover`.
        classes: By name of a class, the model's classes that become it: one to rename it, several to merge them, the
            same one twice to split it, none for a new class. Other classes stay. By default the project's.
        progress: Called with a `Progress` after each tile of which features are computed.

    Raises:
        DataError: The project cannot be read, or has no strokes.
        LabelError: Strokes cannot be read, have an unknown class, or none of them lies on the scene or on data.
        RasterError: A scene cannot be read, or its bands do not fit the model.
        ModelError: The model cannot be opened or taught.
        OptionError: The classes contradict the model's, or the path does not end in .onnx.
        OutputError: The file cannot be written, or would replace one that is not a model.
        BusyError: Another process teaches the same project.
    """
    out, folder = Path(output), Path(project)
    if out.suffix != ".onnx":
        raise OptionError(f"{out} does not end in .onnx", value=output)
    check_place(out)
    check_free(out)
    with about(project), hold(folder / "teach"):
        job = _Job(_updated(load_project(folder), add, model, classes), progress)
        parts = [job.scene(image) for image in dict.fromkeys(each.image for each in job.project.painted)]
        began = perf_counter()
        strokes = _all_strokes(parts)
        _check_classes(strokes.labels, job.plan, folder)
        others = joined([part.examples.others for part in parts])
        lesson = learn(strokes, others, job.plan)
        seconds = perf_counter() - began
        card = _card(job, lesson, out, len(strokes.labels), len(parts))
        content, _ = grafted(job.model, lesson, job.network.sizes, card, out)
        write_whole(out, content)
    return Taught(
        out, job.model.card.name, job.plan.task.labels, len(strokes.labels), len(parts),
        lesson.penalty is not None, lesson.by_stroke, lesson.by_place, lesson.changed(others), seconds,
    )  # fmt: skip


def _updated(
    project: Project,
    add: Sequence[Sequence[str | Path]],
    model: str | None,
    classes: Mapping[str, Sequence[str]] | None,
) -> Project:
    """The project with what is new; its file is written only if everything is valid so far."""
    changed = project
    if model is not None:
        changed = replace(changed, model=model)
    if classes is not None:
        changed = replace(changed, classes={name: list(taken) for name, taken in classes.items()})
    plan_classes(verify(find_model(changed.model)).card.class_task(), changed.classes)
    for pair in add:
        if len(pair) != 2:
            raise OptionError(f"add has {count(len(pair), 'path')}; expected pairs of a scene and its strokes")
        changed = changed.with_strokes(str(pair[0]), Path(pair[1]))
    if not changed.painted:
        raise DataError(f"{project.folder}: has no strokes yet; give a scene and strokes on it: --add SCENE STROKES")
    if changed != project:
        changed.save()
    return changed


def made_of(model: ModelFile, image: str, grid: Grid) -> str:
    """What the stored examples of a scene, seen on a grid, depend on."""
    return f"{model.sha256} {identity([image])} {grid.height}x{grid.width}"


@dataclass(frozen=True, eq=False)
class _Part:
    """One scene's strokes and examples."""

    strokes: list[Stroke]
    examples: SceneExamples


class _Job:
    """A project and its model."""

    def __init__(self, project: Project, progress: Show | None) -> None:
        self.project, self._progress = project, progress
        self.model: ModelFile = verify(find_model(project.model))
        self.plan: ClassPlan = plan_classes(self.model.card.class_task(), project.classes)
        self.network = TeachableNetwork(self.model)

    def scene(self, image: str) -> _Part:
        """The strokes on a scene, with their examples, which are stored."""
        files = [each for each in self.project.painted if each.image == image]
        opened = Source((str(image),)).opener
        with closing(open_fitting(image, opened, self.model.card, None, "auto", warn)) as reader:
            seen: Reader = reader.seen if isinstance(reader, Scaled) else reader
            strokes = self._strokes(files, seen, image)
            path = self.project.features(image)
            of = made_of(self.model, image, seen.grid)
            known = load_examples(path, of)
            if known is None or any(stroke.key not in known.strokes for stroke in strokes):
                meter = Meter(self._progress, Path(image).name, 1)
                known = gather(seen, self.network, strokes, known, of, meter)
                path.parent.mkdir(parents=True, exist_ok=True)
                known.save(path)
        return _Part(strokes, known)

    def _strokes(self, files: Sequence[Painted], seen: Reader, image: str) -> list[Stroke]:
        read = partial(read_strokes, grid=seen.grid, task=self.plan.task, scene=image, warn=warn)
        return [stroke for each in files for stroke in read(str(each.strokes))]


def _all_strokes(parts: Sequence[_Part]) -> Strokes:
    """The cells of all strokes; of a cell under several strokes of a scene the last one counts."""
    samples: list[Samples] = []
    labels: list[int] = []
    places: list[tuple[int, int, int]] = []
    for number, part in enumerate(parts):
        taken: set[tuple[int, int]] = set()
        for stroke in reversed(part.strokes):
            own = part.examples.strokes[stroke.key]
            free = np.array([tuple(cell) not in taken for cell in own.cells.tolist()], bool)
            if free.any():
                samples.append(own.chosen(free))
                labels.append(stroke.label)
                row, col = own.cells[0]
                places.append((number, int(row) // _PLACE, int(col) // _PLACE))
            taken.update(map(tuple, own.cells.tolist()))
    index = np.repeat(np.arange(len(samples)), [len(each) for each in samples])
    known = {place: at for at, place in enumerate(dict.fromkeys(places))}
    return Strokes(joined(samples), index, np.array(labels), np.array([known[place] for place in places]))


def _check_classes(labels: NDArray[np.intp], plan: ClassPlan, folder: Path) -> None:
    """LabelError for a new class without strokes; warns of strokes of a single class."""
    names, used = plan.task.labels, set(labels.tolist())
    for at, name in enumerate(names):
        if at not in used and not plan.shares[at].any():
            raise LabelError(f"{folder}: the new class {name} has no strokes; paint some, or omit the class")
    if len(used) == 1:
        text = (
            f"{folder}: all strokes are {names[used.pop()]}; paint other classes too, where they are confused with it"
        )
        warn(DataWarning(text))


def _card(job: _Job, lesson: Lesson, out: Path, strokes: int, scenes: int) -> Card:
    parent, task = job.model.card, job.plan.task
    protocol = "; ".join([
        f"strokes: {strokes} on {scenes} scenes, drawn by the user; each held out once, in five folds",
        "mean over classes of the share of cells that are right",
        f"prior of strength {lesson.penalty}, chosen on the same folds" if lesson.penalty else "the model as it was",
    ])  # fmt: skip
    found = [lesson.by_stroke, lesson.by_place]
    scores = [
        Score(name=f"strokes, held out by {each.by}", value=each.score, protocol=f"{protocol}; {each}")
        for each in found
    ]
    origin = Origin(
        data=(*parent.origin.data, f"{strokes} strokes on {scenes} scenes"),
        licence=parent.origin.licence,
        recipe=f"taught from {parent.name} (sha256 {job.model.sha256})",
        chosen="prior strength by strokes held out" if lesson.penalty else "parent: no better with the strokes",
        scores=tuple(scores),
    )
    tasks = tuple(task if each.name == task.name else each for each in parent.tasks)
    return parent.model_copy(update={"name": out.stem, "tasks": tasks, "unlike": None, "origin": origin})
