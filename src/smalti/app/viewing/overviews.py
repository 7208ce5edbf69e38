"""Overviews of scenes and maps that have none: built beside a virtual raster in the cache, never in the user's file.

Each is built by a process of its own: GDAL cannot be interrupted, and a raster that takes its process down takes no
other one with it. Such a raster is tried again later, after all others, and a few times only.
"""

import json
import os
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.limits import Limits
from smalti.app.problems import ProblemError
from smalti.app.program import program
from smalti.app.scenes.table import SMALL, Scenes
from smalti.app.viewing.tries import MOST, Tries
from smalti.app.viewing.virtual import virtual
from smalti.errors import RasterError, SmaltiError
from smalti.raster.check import REFUSALS, first_line
from smalti.raster.files import quiet_open
from smalti.raster.quiet import quiet

_IDLE_S = 0.5
_LOOK_S = 0.1
_CACHE_MB = 128
"""GDAL's own choice is a share of the machine's memory."""


class Builder:
    """Builds overviews of what is stored in a data folder, for the one process that does it."""

    def __init__(self, folders: Folders, stop: threading.Event) -> None:
        self._folders, self._stop = folders, stop
        self._database = Database(folders.database)
        self._tries = Tries(self._database)

    def tidy(self) -> None:
        """Removes what killed processes left, and overviews of what was removed while they were built."""
        cache = self._folders.root / "cache"
        found = list(cache.iterdir())
        with self._database.connect() as rows:
            known = {row["id"] for row in rows.execute("SELECT id FROM scenes UNION SELECT id FROM jobs")}
        for path in found:
            if ".new." in path.name or path.name.partition(".")[0] not in known:
                path.unlink(missing_ok=True)
        with self._database.change() as change:
            change.execute(
                "UPDATE scenes SET overviews = CASE WHEN (SELECT count FROM tries WHERE tries.name = id) >= ? "
                "THEN 'failed' ELSE 'none' END WHERE overviews = 'building'",
                (MOST,),
            )

    def once(self) -> bool:
        """Builds those of one raster; returns whether there was one to build."""
        return self._scene() or self._layer()

    def _scene(self) -> bool:
        """Of the newest scene among those that were tried least."""
        with self._database.connect() as rows:
            row = rows.execute(
                "SELECT id, owner FROM scenes LEFT JOIN tries ON tries.name = id "
                "WHERE overviews IN ('none', 'building') AND coalesce(count, 0) < ? AND coalesce(next, 0) <= ? "
                "ORDER BY coalesce(count, 0), created DESC LIMIT 1",
                (MOST, time.time()),
            ).fetchone()
        if row is None:
            return False
        self._set(row["id"], "building")
        built = self._build(row["id"], self._file(row["owner"], row["id"]), "average")
        self._set(row["id"], "ready" if built else "none" if self._tries.left(row["id"]) else "failed")
        return True

    def _file(self, owner: str, scene: str) -> Path | None:
        try:
            return Scenes(self._database, self._folders, Limits()).get(owner, scene).file()
        except (ProblemError, SmaltiError):  # removed, or another file by now
            return None

    def _set(self, scene: str, built: str) -> None:
        with self._database.change() as change:
            change.execute("UPDATE scenes SET overviews = ? WHERE id = ?", (built, scene))

    def _layer(self) -> bool:
        """Of the newest large map."""
        with self._database.connect() as rows:
            found = rows.execute(
                "SELECT id, spec FROM jobs WHERE state = 'done' AND pixels > ? ORDER BY ended DESC LIMIT 20", (SMALL,)
            ).fetchall()
        for row in found:
            for layer in json.loads(row["spec"]).get("layers", []):
                over = layer_overviews(self._folders, row["id"], layer["name"])
                source = self._folders.job(row["id"]) / layer["file"]
                if source.exists() and not over.exists() and self._tries.may(over.stem):
                    self._build(over.stem, source, "nearest")
                    return True
        return False

    def _build(self, name: str, source: Path | None, resampling: str) -> bool:
        """Whether the overviews are there now; an interrupted build is no failed one."""
        self._tries.begin(name)
        if source is None:
            return False
        command = [*program(), "_work", "overview", str(self._folders.root), name, str(source), resampling]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while process.poll() is None and not self._stop.wait(_LOOK_S):
            pass
        if stopped := process.poll() is None:
            process.kill()
            process.wait()
        built = process.returncode == 0
        if built:
            self._tries.forget(name)
        elif stopped:
            self._tries.undo(name)
        return built


def build_all(folders: Folders, stop: threading.Event) -> None:
    """Builds overviews for one raster after the other, until the event is set."""
    builder = Builder(folders, stop)
    builder.tidy()
    while not stop.is_set():
        if not builder.once():
            stop.wait(_IDLE_S)


def layer_overviews(folders: Folders, job: str, layer: str) -> Path:
    """The virtual raster of a job's layer."""
    return folders.overviews(f"{job}.{layer}")


def build(source: Path, target: Path, resampling: str) -> None:
    """Writes the virtual raster `target` of a file, with overviews beside it; it appears when these are complete.

    RasterError where the source cannot be read, or the overviews cannot be written.
    """
    import rasterio

    unfinished = target.with_name(f"{target.stem}.{os.getpid()}.new.vrt")
    over = unfinished.with_name(f"{unfinished.name}.ovr")
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB):
            _write(source, unfinished, resampling)
            _read_back(over)
        over.replace(target.with_name(f"{target.name}.ovr"))
        unfinished.replace(target)
    except REFUSALS as error:
        raise RasterError(f"{source.name}: no overviews: {first_line(error)}; wide views stay rough") from None
    finally:
        for left in (over, unfinished):  # large where the disk is full
            with suppress(OSError):
                left.unlink(missing_ok=True)


def _write(source: Path, target: Path, resampling: str) -> None:
    import rasterio
    from rasterio.enums import Resampling

    with quiet_open(str(source)) as data:
        target.write_text(virtual(_from(target.parent, source), data), encoding="utf-8")
        factors = _factors(data.height, data.width)
    options = {"COMPRESS_OVERVIEW": "ZSTD", "BIGTIFF_OVERVIEW": "IF_SAFER", "GDAL_TIFF_OVR_BLOCKSIZE": "256"}
    with quiet(), rasterio.Env(**options), rasterio.open(target, "r+") as data:
        data.build_overviews(factors, Resampling[resampling])


def _from(cache: Path, source: Path) -> str:
    """How a virtual raster in the cache names a file: one of the data folder stays right where that is moved."""
    found, cache = source.resolve(), cache.resolve()
    return os.path.relpath(found, cache) if found.is_relative_to(cache.parent) else str(found)


def _read_back(over: Path) -> None:
    """Reads all that was written: a disk that became full when the file was closed is told by nobody."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.windows import Window

    with quiet_open(str(over)) as data:
        levels = [{}, *({"overview_level": level} for level in range(len(data.overviews(1))))]
    for level in levels:
        with quiet(NotGeoreferencedWarning), rasterio.open(over, **level) as data:
            rows = data.block_shapes[0][0]
            for row in range(0, data.height, rows):
                data.read(window=Window(0, row, data.width, min(rows, data.height - row)))


def _factors(height: int, width: int) -> list[int]:
    factors, factor = [], 2
    while max(height, width) / factor > 128:
        factors.append(factor)
        factor *= 2
    return factors
