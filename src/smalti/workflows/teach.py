"""Teaches a model a place: strokes on scenes become a model file of the user's own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from smalti.arguments import checked
from smalti.card import Card, Origin, Score
from smalti.errors import DataError, LabelError, OptionError, OutputError, about
from smalti.files import check_place, write_whole
from smalti.lessons.classes import ClassPlan, plan_classes
from smalti.lessons.graft import grafted
from smalti.lessons.lesson import DeepScore, Validated
from smalti.lessons.network import TeachableNetwork
from smalti.lessons.project import NAME, Project, check_kind, load_project, model_name, scene_name
from smalti.lock import hold
from smalti.raster.labels import VECTORS
from smalti.runtime.models import find_model, verify
from smalti.text import count
from smalti.workflows.export import check_free
from smalti.workflows.extras import of_training
from smalti.workflows.progress import Show
from smalti.workflows.teaching import Bands, Learned, Teaching, check_new_classes, check_strokes
from smalti.workflows.train import need_training

if TYPE_CHECKING:
    from smalti.workflows.teach_deep import DeepTeaching

Pairs = Sequence[Sequence[str | Path]]
"""Scenes, each with a file of strokes on it."""


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
    """Time of the quick lesson itself, without the features of new strokes."""
    deep: DeepScore | None = None
    """Of the deep lesson, if there was one."""

    def __str__(self) -> str:
        what = f"{count(self.strokes, 'stroke')} on {count(self.scenes, 'scene')}, {self.seconds:.2f} s"
        what += f"; {100 * self.changed:.0f} % of the pixels change"
        kept = "" if self.learned else f"\nthe strokes did not improve the model: it stays as {self.parent}"
        deep = f"\n{self.deep}" if self.deep else ""
        return f"{self.path}: {what}\n{self.by_stroke}\n{self.by_place}{kept}{deep}"


@checked()
def teach(
    project: str | Path,
    output: str | Path,
    *,
    add: Sequence[Sequence[str | Path]] = (),
    model: str | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
    bands: Sequence[str | int] | None = None,
    deep: bool = False,
    minutes: float = 10,
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
            same one twice to split it, none for a new class. Other classes stay, also those that the project has by
            earlier changes. Strokes of a class that another one took over are of that one.
        bands: Bands of the added scenes for the model, by name or by number from 1, in the model's order. The project
            keeps them.
        deep: Whether to go on from the quick lesson: the network's decoder learns too. It needs torch (the extra
            `train`), and the file is that of the quick lesson if it gets no better. What a killed one has learned is
            in the project, and is continued.
        minutes: About how long a deep lesson takes at most.
        progress: Called with a `Progress` after each tile of which features are computed, and during a deep lesson.

    Raises:
        DataError: The project cannot be read, or has no strokes.
        MissingExtraError: A deep lesson needs torch.
        LabelError: Strokes cannot be read, have an unknown class, or none of them lies on the scene or on data; or
            they are too few for a deep lesson.
        RasterError: A scene cannot be read, or its bands do not fit the model.
        ModelError: The model cannot be opened or taught, or its weights cannot be taken out of its file.
        RecipeError: The network has no encoder, so it learns no deep lesson.
        OptionError: The classes contradict the model's, the path does not end in .onnx, or bands are given without
            scenes, or `minutes` is not above 0.
        OutputError: The file cannot be written, or would replace one that is not a model.
        BusyError: Another process teaches the same project.
    """
    out, folder = Path(output), Path(project)
    if out.suffix != ".onnx":
        raise OptionError(f"{out} does not end in .onnx", value=output)
    if not 0 < minutes < math.inf:
        raise OptionError(f"minutes {minutes} must be above 0", value=minutes)
    if deep:
        need_training()
    check_place(out)
    check_free(out)
    if not add and not (folder / NAME).exists():
        raise _no_strokes(folder)
    with about(project), hold(folder / "teach"):
        stated = _updated(load_project(folder), out, add, model, classes, bands)
        teaching = Teaching(stated, TeachableNetwork(verify(find_model(stated.model))))
        deeper = _deep_teaching(teaching) if deep else None
        images = dict.fromkeys(each.image for each in stated.painted)
        parts = [(image, teaching.scene(image, progress)) for image in images]
        learned = teaching.learn([part for _, part in parts])
        card = _card(teaching, learned, out)
        score = deeper.teach(parts, card, out, minutes, progress) if deeper else None
        if score is None or not score.kept:
            content, _ = grafted(teaching.model, learned.lesson, teaching.network.sizes, card, out)
            write_whole(out, content)
    lesson = learned.lesson
    return Taught(
        out, teaching.model.card.name, teaching.plan.task.labels, learned.strokes, learned.scenes,
        lesson.penalty is not None, lesson.by_stroke, lesson.by_place, learned.changed, learned.seconds, score,
    )  # fmt: skip


def _no_strokes(folder: Path) -> DataError:
    return DataError(f"{folder}: has no strokes yet; give a scene and strokes on it: --add SCENE STROKES", value=folder)


def _deep_teaching(teaching: Teaching) -> "DeepTeaching":
    """What torch is needed for; ModelError, RecipeError."""
    with of_training():
        from smalti.workflows.teach_deep import DeepTeaching
    return DeepTeaching(teaching)


def _updated(
    project: Project,
    out: Path,
    add: Pairs,
    model: str | None,
    classes: Mapping[str, Sequence[str]] | None,
    bands: Bands,
) -> Project:
    """The project with what is new; its file is written only if everything is valid so far."""
    changed = project
    if model is not None:
        changed = replace(changed, model=model_name(model))
    if classes is not None:
        changed = replace(changed, classes=project.classes | {name: list(taken) for name, taken in classes.items()})
    parent = verify(find_model(changed.model))
    if out.exists() and out.samefile(parent.path):
        raise OutputError(f"{out}: is the model that the project starts from; choose another output")
    plan = plan_classes(parent.card.class_task(), changed.classes)
    used: set[int] | None = None
    if (changed.model, changed.classes) != (project.model, project.classes):  # the strokes so far must fit, too
        used = set()
        before = plan_classes(parent.card.class_task(), project.classes)
        for each in project.painted:
            _check_ids(each.strokes, before, plan)
            used |= check_strokes(each.image, each.strokes, parent.card, plan, project.bands.get(each.image))
    changed = _with_added(changed, parent.card, plan, used, add, bands)
    if not changed.painted:
        raise _no_strokes(project.folder)
    if changed != project:
        changed.save()
    return changed


def _check_ids(strokes: Path, before: ClassPlan, after: ClassPlan) -> None:
    """LabelError for a raster of strokes whose ids would be those of other classes."""
    if strokes.suffix.lower() in VECTORS:
        return
    new = after.task.labels
    for at, name in enumerate(before.task.labels):
        if at >= len(new) or new[at] not in (name, *after.heirs.get(name, ())):
            mend = "with these classes it is another's; replace the raster by strokes with class names, such as a GPKG"
            raise LabelError(f"{strokes}: holds class ids, and {at} is {name}; {mend}")


def _with_added(
    project: Project,
    card: Card,
    plan: ClassPlan,
    used: set[int] | None,
    add: Pairs,
    bands: Bands,
) -> Project:
    """The project with further scenes and strokes, of which none is copied before all are valid."""
    if bands is not None and not add:
        text = f"the bands {','.join(map(str, bands))} are of scenes that are added, but there is none; give --add too"
        raise OptionError(text, value=bands)
    changed, found = project, set[int]()
    for pair in add:
        if len(pair) != 2:
            raise OptionError(f"add has {count(len(pair), 'path')}; expected pairs of a scene and its strokes")
        image, strokes = str(pair[0]), Path(pair[1])
        if bands is not None:
            changed = changed.with_bands(image, bands)
        check_kind(strokes)
        found |= check_strokes(scene_name(image), strokes, card, plan, changed.bands.get(scene_name(image)))
    if used is not None:
        check_new_classes(plan, used | found, project.folder)
    for scene, file in add:
        changed = changed.with_strokes(str(scene), Path(file))
    return changed


def _card(teaching: Teaching, learned: Learned, out: Path) -> Card:
    parent, task = teaching.model.card, teaching.plan.task
    lesson, strokes, scenes = learned.lesson, learned.strokes, learned.scenes
    protocol = "; ".join([
        f"strokes: {strokes} on {scenes} scenes, drawn by the user; each held out once, in five folds",
        "mean over classes of the share of cells that are right",
        f"prior of strength {lesson.penalty}" if lesson.penalty else "the model as it was",
    ])  # fmt: skip
    found = [lesson.by_stroke, lesson.by_place]
    scores = [
        Score(name=f"strokes, held out by {each.by}", value=each.score, protocol=f"{protocol}; {each}")
        for each in found
    ]
    origin = Origin(
        data=(*parent.origin.data, f"{strokes} strokes on {scenes} scenes"),
        licence=parent.origin.licence,
        recipe=f"taught from {parent.name} (sha256 {teaching.model.sha256})",
        chosen="taught: better at strokes held out" if lesson.penalty else "parent: no better with the strokes",
        scores=tuple(scores),
    )
    tasks = tuple(task if each.name == task.name else each for each in parent.tasks)
    return parent.model_copy(update={"name": out.stem, "tasks": tasks, "unlike": None, "origin": origin})
