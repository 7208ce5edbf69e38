"""Lessons as requests see them: begun, learned, undone, and saved as models."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from smalti.app.folders import Folders
from smalti.app.models import find_entry, map_models, parent_task
from smalti.app.problems import ProblemError, said
from smalti.app.teaching.desk import Desk
from smalti.app.teaching.palette import changed, palette_of, plan_of, renamed
from smalti.app.teaching.projects import Canvas
from smalti.app.teaching.schemas import Held, Lesson, LessonScene, NewLesson, PaletteClass, Step
from smalti.app.teaching.table import Lessons, StoredLesson, StoredStep
from smalti.app.teaching.teacher import Teacher
from smalti.card import RGB
from smalti.errors import ModelError, SmaltiError, SmaltiWarning
from smalti.lessons.lesson import Validated
from smalti.lessons.project import Project
from smalti.raster.palette import task_colors
from smalti.runtime.models import BUNDLED, ModelEntry, look
from smalti.workflows.teach import teach
from smalti.workflows.teaching import Bands, Learned, check_scene


class Teachings:
    """The lessons of all owners, with what they are taught by."""

    def __init__(self, folders: Folders, lessons: Lessons, teacher: Teacher) -> None:
        self._folders, self.lessons, self.teacher = folders, lessons, teacher
        self._saving = threading.Lock()

    def begin(self, owner: str, asked: NewLesson, scene: str, canvas: Canvas) -> StoredLesson:
        """A new lesson on a scene, of that name unless one is asked for; ProblemError for an unknown model."""
        entry = find_entry(asked.model, self._folders.models(owner))
        model = entry.name if entry.path.parent == BUNDLED else str(entry.path.resolve())
        network = self.teacher.network(model)  # what cannot be taught, or does not fit, is refused at once
        check_scene(canvas.image, network.card, asked.bands)

        def write(folder: Path) -> None:
            project = Project(folder, model)
            (project if asked.bands is None else project.with_bands(canvas.image, asked.bands)).save()

        return self.lessons.add(owner, asked.name.strip() or scene, asked.scene, write)

    def add_scene(self, lesson: StoredLesson, canvas: Canvas, bands: Bands) -> StoredLesson:
        """A lesson with one more scene; RasterError or ModelError for one that does not fit the model."""
        if canvas.scene in lesson.scenes:
            return lesson
        check_scene(canvas.image, self.teacher.desk(lesson).network.card, bands)
        if bands is not None:
            self.teacher.project(lesson).set_bands(canvas, bands)
        return self.lessons.add_scene(lesson, canvas.scene)

    def listed(self, lesson: StoredLesson, canvases: list[Canvas]) -> Lesson:
        """A lesson of a list; without all that its project says where that is damaged: whoever opens it is told."""
        try:
            return self.shown(lesson, canvases)
        except SmaltiError:
            return Lesson(
                id=lesson.id, name=lesson.name, model="", classes=[], scenes=list(map(_missing, lesson.scenes)),
                steps=[step.shown for step in self.lessons.steps(lesson)], created=lesson.created,
            )  # fmt: skip

    def shown(self, lesson: StoredLesson, canvases: list[Canvas]) -> Lesson:
        """A lesson as it is sent; `canvases` are its scenes, but those that are not registered any more."""
        project, by_scene = self.teacher.project(lesson), {each.scene: each for each in canvases}
        stated, counts = project.read(), project.counts()
        total = sum(counts.values(), Counter[str]())
        classes = []
        with suppress(ModelError):  # the model is gone: whoever opens the lesson is told
            classes = palette_of(parent_task(stated.model), stated, total)
        return Lesson(
            id=lesson.id, name=lesson.name, model=Path(stated.model).stem, classes=classes,
            scenes=[
                _shown(by_scene[scene], stated, counts) if scene in by_scene else _missing(scene)
                for scene in lesson.scenes
            ],
            steps=[step.shown for step in self.lessons.steps(lesson)], created=lesson.created,
        )  # fmt: skip

    def colors(self, lesson: StoredLesson) -> dict[str, RGB]:
        """The colour of each class, also of those without strokes."""
        stated = self.teacher.project(lesson).read()
        task = plan_of(parent_task(stated.model), stated).task
        return {**stated.colors, **dict(zip(task.labels, task_colors(task), strict=True))}

    def heirs(self, lesson: StoredLesson) -> list[str]:
        """What each class of the model as it was is called now; one that was split by the first of its names."""
        stated = self.teacher.project(lesson).read()
        plan = plan_of(parent_task(stated.model), stated)
        return [plan.task.labels[int(shares.argmax())] for shares in plan.shares.T]

    def recolor(self, lesson: StoredLesson, canvases: list[Canvas], wanted: list[PaletteClass]) -> None:
        """Gives a lesson other classes."""
        project, desk = self.teacher.project(lesson), self.teacher.desk(lesson)
        task = parent_task(project.read().model)
        total = sum(project.counts().values(), Counter[str]())
        with desk.learning, self.teacher.slot():  # where all are taken, nothing is changed yet
            project.rename(canvases, renamed(wanted), lambda stated: changed(stated, task, wanted, total))
            self._show(lesson, desk)

    def without(self, lesson: StoredLesson, scene: str, canvases: list[Canvas]) -> StoredLesson:
        """Takes a scene out of a lesson, with its strokes; ProblemError for the last one.

        Strokes on an image that another scene has, too, stay: it was added again, as its file had changed.
        """
        if len(lesson.scenes) < 2:
            raise ProblemError(409, f"this is the only scene of {lesson.name}; remove the lesson instead")
        canvas = next((each for each in canvases if each.scene == scene), None)
        if canvas is None or any(each.image == canvas.image and each.scene != scene for each in canvases):
            return self.lessons.remove_scene(lesson, scene)
        desk = self.teacher.desk(lesson)
        with desk.learning, self.teacher.slot():
            self.teacher.project(lesson).without(canvas)
            found = self.lessons.remove_scene(lesson, scene)
            self.lessons.keep_steps(found, 0)  # what was learned with its strokes cannot be put back
            self._show(found, desk)
        return found

    def _show(self, lesson: StoredLesson, desk: Desk) -> None:
        """Shows what the strokes teach, or the model as it was where there are none; this is no lesson of its own.

        The caller holds a slot.
        """
        stated, text = self.teacher.project(lesson).now()
        if not stated.painted:
            desk.forget(stated)
            return
        try:
            desk.learn(stated, text, lambda _: None)
        except SmaltiError as error:  # such as a scene that is gone: what was changed stays
            desk.forget(stated)
            desk.problem = said(error)

    def put_back(self, lesson: StoredLesson, number: int) -> None:
        """The strokes are those of a lesson again: what was learned since ends when there is a next one."""
        desk = self.teacher.desk(lesson)
        desk.undone = number if desk.undone is None else min(number, desk.undone)

    def _steps(self, lesson: StoredLesson, desk: Desk) -> list[StoredStep]:
        """What was learned from strokes that were not undone since."""
        if desk.undone is not None:
            self.lessons.keep_steps(lesson, desk.undone)
            desk.undone = None
        return self.lessons.steps(lesson)

    def emptied(self, lesson: StoredLesson) -> None:
        """Shows the model as it was where the last stroke was erased."""
        desk, stated = self.teacher.desk(lesson), self.teacher.project(lesson).read()
        if not stated.painted:
            with desk.learning:
                self._steps(lesson, desk)
                desk.forget(stated)

    def learn(self, lesson: StoredLesson) -> Step:
        """Learns from all strokes; the same step again where nothing was painted since."""
        project, desk, notes = self.teacher.project(lesson), self.teacher.desk(lesson), []

        def note(warning: SmaltiWarning) -> None:
            notes.append(self._folders.hide(str(warning).removeprefix(f"{lesson.folder}: ")))

        with desk.learning:
            steps = self._steps(lesson, desk)
            stated, text = project.now()
            known = bool(steps) and steps[-1].project == text
            if known and desk.learned_from == text:
                return steps[-1].shown
            with self.teacher.slot():
                learned = desk.learn(stated, text, note)
            return steps[-1].shown if known else self.lessons.add_step(lesson, _step(learned, notes), text)

    def undo(self, lesson: StoredLesson) -> None:
        """Takes the last lesson back, with all strokes since the one before; ProblemError where there is none."""
        project, desk = self.teacher.project(lesson), self.teacher.desk(lesson)
        with desk.learning, self.teacher.slot():
            steps = self._steps(lesson, desk)
            if not steps:
                raise ProblemError(409, "there is no lesson to undo; paint some strokes first")
            project.put_back(steps[-2].project if len(steps) > 1 else None)
            self.lessons.keep_steps(lesson, steps[-1].shown.number - 1)
            self._show(lesson, desk)

    def based_on(self, owner: str, model: Path) -> str | None:
        """The name of a lesson that starts from a model file."""
        lessons = self.lessons.all(owner)
        return next(
            (each.name for each in lessons if self.teacher.project(each).read().model == str(model.resolve())), None
        )

    def save(self, lesson: StoredLesson, name: str) -> ModelEntry:
        """Writes what the strokes teach as a model of that name; ProblemError where one has it already."""
        folder = self._folders.models(lesson.owner)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        step, path = self.learn(lesson), folder / f"{name}.onnx"
        with self._saving:
            if name in map_models(folder):
                raise ProblemError(409, f"there is a model named {name} already; choose another name")
            with self.teacher.slot():
                teach(lesson.folder, path)
        self.lessons.saved_as(lesson, step, name)
        return look(path)


def _shown(canvas: Canvas, stated: Project, counts: Mapping[str, Counter[str]]) -> LessonScene:
    bands = stated.bands.get(canvas.image)
    return LessonScene(
        scene=canvas.scene, strokes=counts.get(canvas.image, Counter[str]()).total(),
        missing=not Path(canvas.image).is_file(), bands=None if bands is None else list(bands),
    )  # fmt: skip


def _missing(scene: str) -> LessonScene:
    return LessonScene(scene=scene, strokes=0, missing=True, bands=None)


def _step(learned: Learned, notes: list[str]) -> Step:
    lesson = learned.lesson
    return Step(
        number=0, created=time.time(), strokes=learned.strokes, scenes=learned.scenes,
        learned=lesson.penalty is not None, by_stroke=_held(lesson.by_stroke), by_place=_held(lesson.by_place),
        changed=learned.changed, seconds=learned.seconds, notes=notes,
    )  # fmt: skip


def _held(found: Validated) -> Held:
    return Held(
        score=found.score, parent=found.parent, spread=found.spread, groups=found.groups,
        says_little=bool(found.says_little), text=str(found),
    )  # fmt: skip
