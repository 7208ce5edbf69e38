"""One lesson that is being worked on: the strokes as they were last learned from, and the live maps of its scenes."""

import threading
from collections.abc import Callable, Sequence

from smalti.app.teaching.live import LiveMap
from smalti.app.teaching.palette import plan_of
from smalti.app.teaching.projects import Canvas
from smalti.errors import LabelError, SmaltiWarning
from smalti.lessons.examples import SceneExamples
from smalti.lessons.project import Project
from smalti.lessons.stored import StoredNetwork
from smalti.lessons.view import View
from smalti.lock import hold
from smalti.workflows.teaching import Bands, Learned, Part, Teaching


class Desk:
    """A lesson in memory; it can be made again at any time from its project."""

    def __init__(self, network: StoredNetwork, project: Project) -> None:
        self.network = network
        self.learning = threading.Lock()
        self._opening = threading.Lock()
        self._parts: dict[tuple[str, ...], Part] = {}
        self._live: dict[tuple[str, Bands], LiveMap] = {}
        self.learned_from, self.restored, self.problem = "", False, ""
        self.undone: int | None = None
        """The lesson whose strokes were put back: those after it end with the next one."""
        self.shown = (View(plan_of(network.card.class_task(), project), None, network.sizes), 1)
        """What is shown, and a number that rises with each lesson."""

    def learn(self, project: Project, text: str, say: Callable[[SmaltiWarning], None]) -> Learned:
        """Learns from the strokes of a project whose file has this text, and shows the result from now on.

        LabelError where there are no strokes; BusyError while another process teaches the project.
        """
        if not project.painted:
            raise LabelError("the lesson has no strokes yet; paint some where the map is wrong")
        teaching = Teaching(project, self.network, warn=say)
        images = list(dict.fromkeys(each.image for each in project.painted))
        with hold(project.folder / "teach"):
            parts = {self._key(project, image): self._part(teaching, project, image) for image in images}
        learned = teaching.learn(list(parts.values()))
        self._parts = parts  # of the strokes that are gone nothing is kept
        self._show(View(teaching.plan, learned.lesson, self.network.sizes), text)
        return learned

    def forget(self, project: Project) -> None:
        """Shows the model as it was."""
        self._show(View(plan_of(self.network.card.class_task(), project), None, self.network.sizes), "")

    def _show(self, view: View, text: str) -> None:
        self.shown, self.learned_from, self.problem = (view, self.lesson + 1), text, ""

    @property
    def lesson(self) -> int:
        """The number of the lesson that is shown."""
        return self.shown[1]

    def _part(self, teaching: Teaching, project: Project, image: str) -> Part:
        key = self._key(project, image)
        return self._parts[key] if key in self._parts else teaching.scene(image)

    def _key(self, project: Project, image: str) -> tuple[str, ...]:
        """What the part of a scene depends on: files of strokes never change, classes are numbered by the project."""
        files = [str(each.strokes) for each in project.painted if each.image == image]
        return (image, *files, str(project.classes), str(project.bands.get(image)))

    def live(self, canvas: Canvas, bands: Bands) -> LiveMap:
        """The live map of a scene; RasterError or ModelError where it does not fit the model."""
        with self._opening:
            key = canvas.scene, None if bands is None else tuple(bands)
            if key not in self._live:
                self._live[key] = LiveMap(self.network, canvas.image, canvas.grid, bands)
            return self._live[key]

    def examples(self, image: str) -> SceneExamples | None:
        """What was learned from on a scene; None without strokes on it."""
        return next((part.examples for (of, *_), part in self._parts.items() if of == image), None)

    def refresh(self, live: LiveMap, numbers: Sequence[int], *, stored: bool) -> int:
        """Predicts tiles by the lesson that is shown; returns how many are up to date then."""
        view, lesson = self.shown
        return sum(live.refresh(number, view, lesson, stored=stored) for number in numbers)

    def close(self) -> None:
        """Closes all scenes."""
        with self._opening:
            for live in self._live.values():
                live.close()
            self._live.clear()
