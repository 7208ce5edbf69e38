"""The table of scenes."""

import json
import math
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from sqlite3 import Connection, OperationalError, Row
from typing import Any

from smalti.app.database import NOTED_S, Database
from smalti.app.folders import Folders
from smalti.app.limits import Limits
from smalti.app.problems import ProblemError
from smalti.app.scenes.formats import DRIVERS, WHOLE, check_file
from smalti.app.scenes.sets import drop_rest, is_set
from smalti.app.schemas import Built, Crs, Scene, Source
from smalti.errors import RasterError, shown
from smalti.raster.ground import axes_m
from smalti.raster.read import open_dataset, open_file

TILE = 256
SMALL = 4_000_000
"""Pixels up to which a raster needs no overviews."""
_MOST_RATIO = 200
"""Decoded bytes per byte of a file that is decoded as a whole; photos have up to 50."""
_SURE = 50_000_000
"""Pixels up to which such a file may have any ratio."""
_BLOCK_BYTES = 512 * 2**20
"""Decoded bytes of one block."""
_CHECKED_S = 5.0
"""How long a file counts as checked."""


@dataclass(frozen=True, slots=True)
class Known:
    """A registered scene, as the server sees it."""

    id: str
    owner: str
    path: Path
    overviews: Built
    written: int
    """When the file was written, in nanoseconds since 1970."""
    sources: tuple[str, ...]
    """The files that a virtual raster led to when it was registered."""
    shown: Scene
    used: float
    """When its use was noted last."""

    @property
    def own(self) -> bool:
        """Whether the file is the server's own copy."""
        return self.shown.source != "path"

    def file(self) -> Path:
        """Its file; RasterError where it is gone, is another one by now, or leads elsewhere than it did."""
        if not self.path.is_file() or self.path.resolve() != self.path:
            raise RasterError(f"{self.path.name}: is not there any more; add it again")
        if not self.own:
            if self.path.stat().st_mtime_ns != self.written:
                raise RasterError(f"{self.path.name}: has changed since it was added; add it again")
            _check_again(self.path, self.sources, int(time.monotonic() / _CHECKED_S))
        return self.path


class Scenes:
    """All scenes of a server."""

    def __init__(self, database: Database, folders: Folders, limits: Limits) -> None:
        self._database, self._folders, self._limits = database, folders, limits

    def add(
        self, owner: str, path: Path, source: Source, scene: str | None = None, sources: Sequence[Path] = ()
    ) -> Scene:
        """Registers an image file; a path that is registered already gives the same scene.

        `sources` are the files that it leads to.
        ProblemError for an image beyond the limits; RasterError for a damaged one.
        """
        if source == "path" and (found := self._by_path(owner, path, sources)):
            return found
        facts = {**read_facts(path, self._limits), "sources": list(map(str, sources))}
        size = path.stat().st_size
        now = time.time()
        built: Built = facts.pop("overviews")
        row = (
            scene or secrets.token_hex(8),
            owner,
            path.name,
            source,
            self._folders.stored(path),
            json.dumps(facts),
            size,
            built,
        )
        with self._database.change() as change:
            count = change.execute("SELECT count(*) FROM scenes WHERE owner = ?", (owner,)).fetchone()[0]
            if count >= self._limits.scenes:
                raise ProblemError(429, f"{count} scenes are registered, as many as allowed; remove some first")
            if source != "path" and _bytes(change, owner) + size > self._limits.bytes:  # other servers count too
                most = f"{self._limits.bytes:,}"
                raise ProblemError(
                    413, f"{path.name}: would exceed the {most} bytes of this token; remove scenes first"
                )
            change.execute("INSERT INTO scenes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, now, now))
        return self.get(owner, row[0]).shown

    def get(self, owner: str, scene: str) -> Known:
        """A scene of this owner; ProblemError if there is none."""
        with self._database.connect() as rows:
            row = rows.execute("SELECT * FROM scenes WHERE id = ? AND owner = ?", (scene, owner)).fetchone()
        if row is None:
            raise ProblemError(404, f"there is no scene {shown(scene)[:64]}; GET /api/scenes lists yours")
        return self._known(row)

    def all(self, owner: str) -> list[Scene]:
        """All scenes of this owner, the newest first."""
        with self._database.connect() as rows:
            found = rows.execute("SELECT * FROM scenes WHERE owner = ? ORDER BY created DESC, id", (owner,)).fetchall()
        return [self._known(row).shown for row in found]

    def bytes_of(self, owner: str) -> int:
        """The bytes of this owner's uploaded and fetched scenes."""
        with self._database.connect() as rows:
            return _bytes(rows, owner)

    def touch(self, known: Known) -> None:
        """Notes that a scene is in use, unless that was noted a while ago."""
        if (now := time.time()) - known.used > NOTED_S:
            with suppress(OperationalError), self._database.connect() as rows:  # as of a full disk
                rows.execute("UPDATE scenes SET used = ? WHERE id = ?", (now, known.id))

    def remove(self, known: Known, forget: Callable[[Path], None]) -> None:
        """Removes a scene, its overviews, and the server's own copy of it; never a file of the user.

        `forget` closes a file that may be open: the disk keeps open ones, and Windows does not remove them.
        ProblemError while a job, a series of photos or a lesson needs it.
        """
        with self._database.change() as change:
            query = "SELECT count(*) FROM jobs WHERE scene = ? AND state IN ('queued', 'running')"
            if change.execute(query, (known.id,)).fetchone()[0]:
                raise ProblemError(409, f"{known.shown.name}: a job uses this scene; cancel the job first")
            if known.own and not self._series(change, waiting=True).isdisjoint(known.path.parents):
                name = known.shown.name
                raise ProblemError(
                    409, f"{name}: its series of photos is not ranked yet; wait, or cancel that job first"
                )
            query = "SELECT name FROM lessons, json_each(lessons.scenes) AS of WHERE of.value = ? LIMIT 1"
            if lesson := change.execute(query, (known.id,)).fetchone():
                raise ProblemError(409, f"{known.shown.name}: the lesson {lesson[0]} uses it; remove the lesson first")
            change.execute("DELETE FROM scenes WHERE id = ?", (known.id,))
        overviews = self._folders.overviews(known.id)
        own = (known.path,) * known.own
        for left in (*own, overviews, overviews.with_name(f"{overviews.name}.ovr")):
            forget(left)
            with suppress(OSError):
                left.unlink(missing_ok=True)
        if known.own:
            shutil.rmtree(self._folders.scene(known.id), ignore_errors=True)
            if known.shown.set is not None:
                drop_rest(known.path.parent)

    def unused(self, before: float) -> list[Known]:
        """The server's own copies that nobody has used since a time, and of which no job or series is left."""
        query = (
            "SELECT * FROM scenes WHERE source != 'path' AND used < ? "
            "AND id NOT IN (SELECT scene FROM jobs WHERE scene IS NOT NULL)"
        )
        with self._database.connect() as rows:
            found = [self._known(row) for row in rows.execute(query, (before,)).fetchall()]
            series = self._series(rows)
        return [known for known in found if series.isdisjoint(known.path.parents)]

    def _series(self, rows: Connection, *, waiting: bool = False) -> set[Path]:
        """The folders of jobs of photos: of all, or of those that are not over."""
        query = "SELECT json_extract(spec, '$.folder') FROM jobs WHERE kind = 'photos'"
        found = rows.execute(query + " AND state IN ('queued', 'running')" * waiting).fetchall()
        return {self._folders.found(row[0]) for row in found}

    def _by_path(self, owner: str, path: Path, sources: Sequence[Path]) -> Scene | None:
        query = "SELECT * FROM scenes WHERE owner = ? AND path IN (?, ?) AND source = 'path'"
        with self._database.connect() as rows:
            found = rows.execute(query, (owner, self._folders.stored(path), str(path))).fetchall()
        now = path.stat().st_mtime_ns, tuple(map(str, sources))  # another file of that name is another scene
        return next((known.shown for row in found if ((known := self._known(row)).written, known.sources) == now), None)

    def _known(self, row: Row) -> Known:
        facts = json.loads(row["facts"])
        written, sources = facts.pop("mtime"), tuple(facts.pop("sources", ()))
        crs = facts.pop("crs")
        path = self._folders.found(row["path"])
        together = path.parent.name if row["source"] == "upload" and is_set(path.parent) else None
        scene = Scene(
            id=row["id"], name=row["name"], source=row["source"], set=together, crs=Crs(**crs) if crs else None,
            overviews=row["overviews"], bytes=row["bytes"], created=row["created"], **facts,
        )  # fmt: skip
        return Known(row["id"], row["owner"], path, row["overviews"], written, sources, scene, row["used"])


def _bytes(rows: Connection, owner: str) -> int:
    query = "SELECT coalesce(sum(bytes), 0) FROM scenes WHERE owner = ? AND source != 'path'"
    return int(rows.execute(query, (owner,)).fetchone()[0])


def read_facts(path: Path, limits: Limits) -> dict[str, Any]:
    """What is known of an image without decoding it; ProblemError beyond the limits, RasterError if damaged."""
    with ExitStack() as stack:
        data = open_dataset(str(path), stack)
        _check_size(path, data, data.width * data.height, limits)
        reader = stack.enter_context(open_file(str(path)))
        grid = reader.grid
        metres = axes_m(grid)
        levels = max(1, 1 + math.ceil(math.log2(max(grid.width, grid.height) / TILE)))
        t = grid.transform
        corners = [grid.xy(col, row) for col in (0, grid.width) for row in (0, grid.height)]
        ready = grid.width * grid.height <= SMALL or _has_overviews(data, levels)
        return {
            "width": grid.width, "height": grid.height, "bands": list(reader.bands), "dtype": str(reader.dtype),
            "crs": _crs(grid.crs), "transform": [t.a, t.b, t.c, t.d, t.e, t.f],
            "bounds": [f(c[k] for c in corners) for f in (min, max) for k in (0, 1)],
            "metres_per_pixel": None if metres is None else list(metres),
            "levels": levels, "mtime": path.stat().st_mtime_ns, "overviews": "ready" if ready else "none",
        }  # fmt: skip


def _check_size(path: Path, data: Any, pixels: int, limits: Limits) -> None:
    if data.driver not in (*DRIVERS, "VRT"):
        raise ProblemError(422, f"{path.name}: is {data.driver}; expected one of {', '.join(DRIVERS)}")
    decoded = sum(_itemsize(kind) for kind in data.dtypes)
    if pixels > limits.scene_pixels:
        most = f"{limits.scene_pixels / 1e6:,.0f}"
        raise ProblemError(413, f"{path.name}: has {pixels / 1e6:,.0f} megapixels, at most {most} are accepted; cut it")
    rows, cols = data.block_shapes[0]
    if data.driver in WHOLE:
        squeezed = pixels > _SURE and pixels * decoded > _MOST_RATIO * path.stat().st_size
        if squeezed or pixels > limits.whole_pixels:
            raise ProblemError(
                413, f"{path.name}: {pixels / 1e6:,.0f} megapixels in one piece of {path.stat().st_size:,} bytes; "
                "convert it to a tiled GeoTIFF",
            )  # fmt: skip
    elif rows * cols * decoded > _BLOCK_BYTES:
        raise ProblemError(413, f"{path.name}: its blocks of {rows} x {cols} pixels are too large; write it with tiles")


def _itemsize(kind: str) -> int:
    import numpy as np

    return 16 if kind.startswith("complex") else np.dtype(kind).itemsize


def _has_overviews(data: Any, levels: int) -> bool:
    found: Sequence[int] = data.overviews(1)
    return bool(found) and max(found) >= 2 ** (levels - 3)


def _crs(crs: Any) -> dict[str, Any] | None:
    if crs is None:
        return None
    import pyproj

    from smalti.raster.quiet import quiet

    with suppress(pyproj.exceptions.ProjError), quiet(UserWarning):
        return {"wkt": crs.to_wkt(), "epsg": crs.to_epsg(), "proj4": pyproj.CRS.from_wkt(crs.to_wkt()).to_proj4()}
    return {"wkt": crs.to_wkt(), "epsg": None, "proj4": None}


@lru_cache(maxsize=64)
def _check_again(path: Path, sources: tuple[str, ...], _: int) -> None:
    """RasterError where a file leads elsewhere by now; asked for every tile, it is done once in a while."""
    known = set(sources)
    try:
        check_file(path, lambda source: str(source) in known)
    except ProblemError:
        raise RasterError(f"{path.name}: or a file that it leads to has changed; add it again") from None
