"""Everything that requests need, made once per server."""

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from smalti.app.access.hosts import Hosts
from smalti.app.access.roots import Roots
from smalti.app.access.tokens import Tokens
from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.jobs.events import Streams
from smalti.app.jobs.layers import Growing, read_layers
from smalti.app.jobs.planning import map_grid
from smalti.app.jobs.results import Results
from smalti.app.jobs.table import Jobs, Stored
from smalti.app.limits import Limits
from smalti.app.metrics import Metrics
from smalti.app.models import find_entry
from smalti.app.problems import ProblemError
from smalti.app.scenes.grids import scene_grid, window_of
from smalti.app.scenes.table import Known, Scenes
from smalti.app.scenes.uploads import Uploads
from smalti.app.teaching.lessons import Teachings
from smalti.app.teaching.projects import Canvas, canvas_of
from smalti.app.teaching.table import Lessons
from smalti.app.teaching.teacher import Teacher
from smalti.app.uses import Uses
from smalti.app.viewing.eye import Eye
from smalti.app.viewing.view import Views
from smalti.tiling import Window


@dataclass(frozen=True)
class Settings:
    """What the command line decides."""

    data: Path
    roots: Roots
    hosts: Hosts
    tokens: Tokens
    names: tuple[str, ...] = ()
    """Names by which the server is reached; empty for any."""
    limits: Limits = field(default_factory=Limits)


class Services:
    """The parts of one server."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.limits, self.roots, self.hosts = settings, settings.limits, settings.roots, settings.hosts
        self.folders = Folders(settings.data)
        self.folders.make()
        database = Database(self.folders.database)
        self.scenes = Scenes(database, self.folders, self.limits)
        self.jobs = Jobs(database, self.limits)
        self.uploads = Uploads(self.folders, self.limits, self.scenes)
        self.views, self.uses, self.metrics = Views(), Uses(), Metrics()
        self.eye = Eye(self.folders, self.views)
        self.results = Results(self.folders)
        self.streams = Streams(self.limits)
        lessons = Lessons(database, self.folders, self.limits)
        self.teacher = Teacher(self.folders, self.limits, lessons)
        self.teachings = Teachings(self.folders, lessons, self.teacher)

    def canvas(self, owner: str, scene: str, *, read: bool = True) -> Canvas:
        """A scene to paint on; ProblemError if there is none, RasterError where its file is gone and must be `read`."""
        known = self.scenes.get(owner, scene)
        return canvas_of(scene, known.file() if read else known.path, scene_grid(known.shown))

    def scene_of(self, job: Stored) -> Known:
        """The scene of a job; ProblemError for one that has none, or whose scene was removed."""
        if job.scene is None:
            raise ProblemError(404, f"a job of kind {job.kind} has no scene; GET /api/jobs/{job.id} shows it")
        return self.scenes.get(job.owner, job.scene)

    def growing(self, job: Stored, known: Known) -> tuple[Growing, Window]:
        """The rasters of a job, and where they lie in its scene."""
        overviews = self.folders.overviews(job.id)
        grid = map_grid(job, known)
        ranges = {name: (ramp.low, ramp.high) for name, ramp in job.shown.ramps.items()}
        growing = Growing(self.folders.job(job.id), read_layers(job.spec), grid, overviews, ranges)
        return growing, window_of(job.spec["window"])

    def remove_model(self, owner: str, name: str) -> None:
        """Deletes a model that a lesson of this owner was saved as; ProblemError for another, or while it is needed."""
        own = self.folders.models(owner)
        path = find_entry(name, own).path
        if path.parent != own:
            raise ProblemError(409, f"{name} was not saved here and stays; only models that you saved can be deleted")
        if lesson := self.teachings.based_on(owner, path):
            raise ProblemError(409, f"{name}: the lesson {lesson} starts from it; remove the lesson first")
        self.jobs.check_unused(owner, name)
        path.unlink(missing_ok=True)

    def remove_scene(self, known: Known) -> None:
        """Removes a scene, with the server's own copy of it; ProblemError while it is needed."""
        self.scenes.remove(known, self.views.forget)

    def remove_job(self, job: Stored) -> None:
        """Removes a job that is over, with its files; ProblemError while it is needed."""
        self.jobs.remove(job)
        folder = self.folders.job(job.id)
        self.views.forget(folder)
        shutil.rmtree(folder, ignore_errors=True)
        for left in (self.folders.root / "cache").glob(f"{job.id}.*"):
            self.views.forget(left)
            with suppress(OSError):
                left.unlink(missing_ok=True)
