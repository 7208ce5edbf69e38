"""The strokes of a lesson: painted, erased, replaced; each is on the disk before it is answered."""

import numpy as np
from fastapi import APIRouter

from smalti.app.asking import Id, Owner, Parts, problems
from smalti.app.problems import ProblemError
from smalti.app.services import Services
from smalti.app.teaching.projects import Canvas, Change
from smalti.app.teaching.schemas import Erased, NewStroke, Strokes, StrokesBefore
from smalti.app.teaching.strokes import Painted, added, brushed, erased, painted, shape_of
from smalti.app.teaching.table import StoredLesson
from smalti.tiling import Window

router = APIRouter(prefix="/api/lessons/{lesson}/scenes/{scene}", tags=["lessons"])
_SIDE = 128
"""Pixels in which a stroke is looked for data."""
_FEW = 10
"""Crossings in a stroke that was answered: corners that were rounded."""


@router.get("/strokes", responses=problems(404, 429))
def get_strokes(lesson: Id, scene: Id, parts: Parts, owner: Owner) -> Strokes:
    """The strokes on a scene of a lesson."""
    found, canvas = _found(parts, owner, lesson, scene)
    return _sent(parts, found, canvas, *parts.teacher.project(found).strokes(canvas))


@router.post("/strokes", status_code=201, responses=problems(404, 409, 429, 507))
def paint(lesson: Id, scene: Id, asked: NewStroke, parts: Parts, owner: Owner) -> Strokes:
    """Paint a stroke; where it covers strokes of other classes it replaces them."""
    found, canvas = _found(parts, owner, lesson, scene)
    shape = painted(asked, canvas.grid)
    _check_class(parts, found, asked.label)
    _check_data(parts, owner, scene, shape)
    return _changed(parts, found, canvas, lambda before: added(before, asked.label, shape))


@router.post("/erase", responses=problems(404, 429, 507))
def erase(lesson: Id, scene: Id, asked: Erased, parts: Parts, owner: Owner) -> Strokes:
    """Erase what lies under a brush."""
    found, canvas = _found(parts, owner, lesson, scene)
    shape = brushed(asked.line, asked.size)
    return _changed(parts, found, canvas, lambda before: erased(before, shape))


@router.put("/strokes", responses=problems(404, 409, 429, 507))
def replace_strokes(lesson: Id, scene: Id, asked: StrokesBefore, parts: Parts, owner: Owner) -> Strokes:
    """Replace all strokes on a scene, as undo and redo do; refused where they were changed by somebody else."""
    found, canvas = _found(parts, owner, lesson, scene)
    for label in {stroke.label for stroke in asked.strokes}:
        _check_class(parts, found, label)
    strokes = [Painted(stroke.label, _polygon(shape_of(stroke.shape, _FEW))) for stroke in asked.strokes]
    revision, strokes = parts.teacher.project(found).change(canvas, lambda _: strokes, asked.revision)
    if asked.lesson is not None:
        parts.teachings.put_back(found, asked.lesson)
    return _answered(parts, found, canvas, revision, strokes)


def _polygon(shape: object) -> object:
    """A shape that is one polygon; ProblemError for one that crosses itself."""
    if getattr(shape, "geom_type", "") != "Polygon":
        raise ProblemError(422, "a stroke crosses itself; send it as it was answered")
    return shape


def _found(parts: Services, owner: str, lesson: str, scene: str) -> tuple[StoredLesson, Canvas]:
    found = parts.teachings.lessons.get(owner, lesson)
    if scene not in found.scenes:
        raise ProblemError(404, f"the scene does not belong to the lesson {found.name}; add it first")
    canvas = parts.canvas(owner, scene)
    parts.teacher.live(found, canvas)  # what cannot be shown is refused before anything is changed
    return found, canvas


def _changed(parts: Services, lesson: StoredLesson, canvas: Canvas, change: Change) -> Strokes:
    return _answered(parts, lesson, canvas, *parts.teacher.project(lesson).change(canvas, change))


def _answered(parts: Services, lesson: StoredLesson, canvas: Canvas, revision: str, strokes: list[Painted]) -> Strokes:
    if not strokes:
        parts.teachings.emptied(lesson)
    return _sent(parts, lesson, canvas, revision, strokes)


def _sent(parts: Services, lesson: StoredLesson, canvas: Canvas, revision: str, strokes: list[Painted]) -> Strokes:
    live = parts.teacher.live(lesson, canvas)
    sent = [stroke.to_schema() for stroke in strokes]
    return Strokes(revision=revision, strokes=sent, cell=live.step / live.scale[1])


def _check_class(parts: Services, lesson: StoredLesson, label: str) -> None:
    known = parts.teachings.colors(lesson)
    if label not in known:
        raise ProblemError(404, f"there is no class {label[:80]!r}; it has {', '.join(known)[:300]}; add it first")


def _check_data(parts: Services, owner: str, scene: str, shape: object) -> None:
    """ProblemError for a stroke on pixels without data."""
    from affine import Affine
    from rasterio.features import rasterize

    known = parts.scenes.get(owner, scene)
    left, top, right, bottom = (int(edge) for edge in shape.bounds)  # type: ignore[attr-defined]
    window = Window(top, left, bottom - top + 1, right - left + 1)
    window = window.intersect(Window(0, 0, known.shown.height, known.shown.width)) or window
    size = min(_SIDE, window.height), min(_SIDE, window.width)
    with parts.views.open(known.file(), known.file()) as view:
        seen = view.look(window, size, (0,), nearest=True)
    place = Affine(window.width / size[1], 0, window.col, 0, window.height / size[0], window.row)
    drawn = rasterize([shape], size, transform=place, all_touched=True, dtype="uint8")
    if not np.any(seen.valid & (drawn > 0)):
        raise ProblemError(422, "the stroke lies on pixels without data; paint on the image")
