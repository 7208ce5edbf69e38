"""The files of a job: those that it wrote, and those that are made when somebody asks for them."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from weakref import WeakValueDictionary

from smalti.app.folders import Folders
from smalti.app.jobs.layers import read_layers
from smalti.app.jobs.table import Stored
from smalti.app.problems import ProblemError
from smalti.app.program import program
from smalti.app.schemas import ResultFile

KINDS = {
    ".tif": "GeoTIFF", ".gpkg": "GeoPackage", ".geojson": "GeoJSON", ".fgb": "FlatGeobuf", ".parquet": "GeoParquet",
    ".html": "report", ".qml": "QGIS style",
}  # fmt: skip
COG = "map_cog.tif"
PAGE = "map.html"
_POLYGONS = ("map.gpkg", "map.geojson")
_BY_PYOGRIO = "map.fgb"
_LONGEST_S = 3600
_MOST = 8
"""Files that are made and waited for at once: each takes one of the 40 threads that answer requests."""


@dataclass(frozen=True, slots=True)
class Result:
    """A file that a job has or can have."""

    name: str
    path: Path

    @property
    def shown(self) -> ResultFile:
        """The file as it is listed."""
        size = self.path.stat().st_size if self.path.is_file() else None
        kind = "Cloud Optimized GeoTIFF" if self.name == COG else KINDS[Path(self.name).suffix]
        return ResultFile(name=self.name, bytes=size, kind=kind, ready=size is not None)


class Results:
    """Lists files of jobs, and makes those that are missing, each once."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._lock = threading.Lock()
        self._making: WeakValueDictionary[tuple[str, str], threading.Lock] = WeakValueDictionary()
        self._places = threading.BoundedSemaphore(_MOST)

    def all(self, job: Stored) -> list[Result]:
        """All files of a finished job; none of one that is not."""
        if job.state != "done" or job.kind == "photos":
            return []
        folder = self._folders.job(job.id)
        layers = read_layers(job.spec)
        names = [layer.file for layer in layers] + [COG]
        if layers[0].product.form == "classes":
            names += [*_POLYGONS, *[_BY_PYOGRIO] * (find_spec("pyogrio") is not None), "map.qml"]
        if job.kind == "map":
            names.append(PAGE)
            names += ["map.parquet"] * (job.spec["options"]["polygons"] == ".parquet")
        return [Result(name, folder / name) for name in names]

    def find(self, job: Stored, name: str) -> Path:
        """A file of a job, made if it is missing; ProblemError if there is none of that name, or it cannot be made."""
        found = {result.name: result.path for result in self.all(job)}
        if name not in found:
            state = "" if job.state == "done" else f"; the job is {job.state}"
            raise ProblemError(404, f"the job has no file of that name{state}")
        path = found[name]
        if not path.is_file():
            with self._place(name), self._alone(job.id, name):
                if not path.is_file():
                    self._make(job, name)
        if not path.is_file():
            raise ProblemError(404, f"{name} is not there any more; map the scene again")
        return path

    @contextmanager
    def _place(self, name: str) -> Iterator[None]:
        """ProblemError where too many files are waited for already."""
        if not self._places.acquire(blocking=False):
            raise ProblemError(429, f"{name}: {_MOST} files are being made already; ask for it again later", wait=10)
        try:
            yield
        finally:
            self._places.release()

    def _alone(self, job: str, name: str) -> threading.Lock:
        """The lock of a file; it lasts as long as somebody has it."""
        with self._lock:
            return self._making.setdefault((job, name), threading.Lock())

    def _make(self, job: Stored, name: str) -> None:
        """In a process of its own: the server goes on, and gets the memory back."""
        command = [*program(), "_work", "result", str(self._folders.root), job.id, name]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LONGEST_S, encoding="utf-8"
            )
        except subprocess.TimeoutExpired:
            raise ProblemError(507, f"{name}: takes longer than an hour; use the command line") from None
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("smalti: ")]
            why = lines[-1].removeprefix("smalti: ") if lines else f"ended with {done.returncode}"
            text = f"{name}: {self._folders.hide(why)}"
            raise ProblemError(507 if done.returncode == 4 else 422, text, code=done.returncode)
