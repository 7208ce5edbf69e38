"""The project of a lesson: each change writes new files of strokes, and then the project's file, which names them.

So a change has happened as a whole or not at all, at whatever moment the process is killed; what was learned from
earlier can be learned from again, since its files of strokes stay.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from smalti.app.problems import ProblemError
from smalti.app.teaching.strokes import Painted, labels_of, read_strokes, revision_of, write_strokes
from smalti.files import deliver
from smalti.lessons.project import NAME, STROKES, Project, load_project, scene_name
from smalti.lessons.project import Painted as OnScene
from smalti.raster.grid import Grid

_KEEP_S = 600
"""For so long files of strokes stay that are not in use any more: a lesson may be reading them."""
Change = Callable[[list[Painted]], list[Painted]]


@dataclass(frozen=True, slots=True)
class Canvas:
    """A scene of a lesson, on whose pixels strokes are painted."""

    scene: str
    image: str
    """As the project names it."""
    grid: Grid


def canvas_of(scene: str, path: Path, grid: Grid) -> Canvas:
    """The canvas of a registered scene."""
    return Canvas(scene, scene_name(str(path)), grid)


class LessonProject:
    """The project in one folder; safe for several threads."""

    def __init__(
        self, folder: Path, labels: Callable[[str], Sequence[str]], history: Callable[[], Iterable[str]]
    ) -> None:
        """`labels` gives the classes of a model, `history` the texts that the file had at earlier lessons."""
        self.folder, self._labels, self._history = folder, labels, history
        self._lock = threading.Lock()

    def read(self) -> Project:
        """The project as it is; DataError where its file is damaged."""
        return load_project(self.folder)

    def now(self) -> tuple[Project, str]:
        """The project, and the text of its file."""
        with self._lock:
            return self.read(), (self.folder / NAME).read_text(encoding="utf-8")

    def put_back(self, text: str | None) -> None:
        """The project as it was when its file had that text; without one, as it was before the first stroke."""
        with self._lock:
            project = self.read()
            if text is None:
                replace(project, painted=(), classes=self._in_use(project, set())).save()
                return
            deliver(self.folder / NAME, text.encode())
            if (earlier := self.read()).bands != project.bands:
                replace(earlier, bands=project.bands).save()

    def revision(self, canvas: Canvas) -> str:
        """The revision of the strokes on a scene."""
        return _revision(_files(self.read(), canvas))

    def without(self, canvas: Canvas) -> None:
        """Takes the strokes on a scene out; earlier lessons still name them."""
        with self._lock:
            self._write(self.read(), {canvas.image: (canvas, [])})

    def set_bands(self, canvas: Canvas, bands: Sequence[str | int]) -> None:
        """Keeps which bands of a scene the model takes."""
        with self._lock:
            self.read().with_bands(canvas.image, bands).save()

    def strokes(self, canvas: Canvas) -> tuple[str, list[Painted]]:
        """The revision of the strokes on a scene, and these."""
        return _strokes(self.read(), canvas)

    def counts(self) -> dict[str, Counter[str]]:
        """The strokes of each class, by the name of the scene's image."""
        return {each.image: labels_of(each.strokes) for each in self.read().painted}

    def change(self, canvas: Canvas, change: Change, expected: str | None = None) -> tuple[str, list[Painted]]:
        """Changes the strokes on a scene; on the disk when this returns.

        ProblemError where the strokes are of another revision than `expected`, and whatever `change` raises.
        """
        with self._lock:
            project = self.read()
            revision, before = _strokes(project, canvas)
            if expected is not None and expected != revision:
                raise ProblemError(409, "the strokes were changed elsewhere meanwhile; load them again")
            strokes = change(before)
            self._write(project, {canvas.image: (canvas, strokes)})
        return revision_of(strokes), strokes

    def rename(
        self, canvases: Sequence[Canvas], names: Mapping[str, str], change: Callable[[Project], Project]
    ) -> None:
        """Changes the project, and gives the strokes' classes other names."""
        with self._lock:
            project = self.read()
            renamed = {canvas.image: (canvas, _renamed(_strokes(project, canvas)[1], names)) for canvas in canvases}
            self._write(change(project), renamed)

    def _write(self, project: Project, changed: Mapping[str, tuple[Canvas, list[Painted]]]) -> None:
        """Writes the strokes of some scenes, and then the project."""
        painted = [each for each in project.painted if each.image not in changed]
        painted += [
            OnScene(canvas.image, self._stored(canvas, strokes)) for canvas, strokes in changed.values() if strokes
        ]
        used = {label for each in painted for label in labels_of(each.strokes)}
        replace(project, painted=tuple(painted), classes=self._in_use(project, used)).save()
        self._sweep({each.strokes.name for each in painted})

    def _stored(self, canvas: Canvas, strokes: list[Painted]) -> Path:
        path = self.folder / STROKES / f"{canvas.scene}-{revision_of(strokes)}.gpkg"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            write_strokes(path, strokes, canvas.grid)
        return path

    def _in_use(self, project: Project, used: set[str]) -> dict[str, list[str]]:
        """The project's classes: of new ones, which have nothing of the model's, those that have strokes."""
        gone = {old for taken in project.classes.values() for old in taken}
        own = {*(label for label in self._labels(project.model) if label not in gone), *project.classes}
        new = {label: list[str]() for label in project.colors if label in used and label not in own}
        return {label: taken for label, taken in {**project.classes, **new}.items() if taken or label in used}

    def _sweep(self, used: set[str]) -> None:
        """Removes strokes that neither the project nor an earlier lesson names."""
        old = [file for file in (self.folder / STROKES).glob("*.gpkg") if file.name not in used and _is_old(file)]
        texts = list(self._history()) if old else []
        for file in old:
            if not any(file.name in text for text in texts):
                file.unlink(missing_ok=True)


def _is_old(file: Path) -> bool:
    with suppress(OSError):
        return time.time() - file.stat().st_mtime > _KEEP_S
    return False


def _files(project: Project, canvas: Canvas) -> list[Path]:
    return [each.strokes for each in project.painted if each.image == canvas.image]


def _revision(files: Sequence[Path]) -> str:
    return files[-1].stem.rpartition("-")[2] if files else ""


def _strokes(project: Project, canvas: Canvas) -> tuple[str, list[Painted]]:
    files = _files(project, canvas)
    return _revision(files), read_strokes(files[-1], canvas.grid) if files else []


def _renamed(strokes: list[Painted], names: Mapping[str, str]) -> list[Painted]:
    return [replace(stroke, label=names.get(stroke.label, stroke.label)) for stroke in strokes]
