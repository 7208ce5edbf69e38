"""Lessons: begin one, learn, look at what was learned, undo it, save it as a model."""

import time
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from smalti.app.asking import Id, Owner, Parts, problems
from smalti.app.models import to_model
from smalti.app.problems import ProblemError
from smalti.app.routes.jobs import PNG
from smalti.app.routes.scenes import Level, Place
from smalti.app.schemas import Model
from smalti.app.services import Services
from smalti.app.teaching.live_tiles import paint_live
from smalti.app.teaching.projects import Canvas
from smalti.app.teaching.schemas import (
    Lesson,
    LessonName,
    NewLesson,
    NewModel,
    Palette,
    SceneId,
    Shown,
    Step,
    Suggested,
)
from smalti.app.teaching.table import StoredLesson
from smalti.app.viewing.tiles import png, tile_at
from smalti.tiling import Window

router = APIRouter(prefix="/api/lessons", tags=["lessons"])
Whole = Annotated[int, Query(ge=0, le=2**31)]


@router.post("", status_code=201, responses=problems(404, 409, 429, 507))
def begin(asked: NewLesson, parts: Parts, owner: Owner) -> Lesson:
    """Begin to teach a model: the one that is wrong on a scene."""
    known, canvas = parts.scenes.get(owner, asked.scene), parts.canvas(owner, asked.scene)
    return _shown(parts, parts.teachings.begin(owner, asked, known.shown.name, canvas))


@router.get("", responses=problems())
def list_lessons(parts: Parts, owner: Owner) -> list[Lesson]:
    """Your lessons, the newest first."""
    return [parts.teachings.listed(lesson, _canvases(parts, lesson)) for lesson in parts.teachings.lessons.all(owner)]


@router.get("/{lesson}", responses=problems(404))
def get_lesson(lesson: Id, parts: Parts, owner: Owner) -> Lesson:
    """One lesson."""
    return _shown(parts, parts.teachings.lessons.get(owner, lesson))


@router.patch("/{lesson}", responses=problems(404))
def rename_lesson(lesson: Id, asked: LessonName, parts: Parts, owner: Owner) -> Lesson:
    """Give a lesson another name."""
    found = parts.teachings.lessons.get(owner, lesson)
    return _shown(parts, parts.teachings.lessons.rename(found, asked.name))


@router.delete("/{lesson}", status_code=204, responses=problems(404))
def remove_lesson(lesson: Id, parts: Parts, owner: Owner) -> None:
    """Remove a lesson with its strokes; models that were saved stay."""
    found = parts.teachings.lessons.get(owner, lesson)
    parts.teacher.forget(found)
    parts.teachings.lessons.remove(found)


@router.post("/{lesson}/scenes", responses=problems(404, 429))
def add_scene(lesson: Id, asked: SceneId, parts: Parts, owner: Owner) -> Lesson:
    """Go on with the lesson on another scene, too: it learns from the strokes on all of them."""
    found, canvas = parts.teachings.lessons.get(owner, lesson), parts.canvas(owner, asked.scene)
    return _shown(parts, parts.teachings.add_scene(found, canvas, asked.bands))


@router.delete("/{lesson}/scenes/{scene}", responses=problems(404, 409, 429, 507))
def take_out_scene(lesson: Id, scene: Id, parts: Parts, owner: Owner) -> Lesson:
    """Take a scene out of a lesson, with its strokes; lessons so far cannot be undone then.

    The strokes stay where another scene of the lesson has the same file.
    """
    found = parts.teachings.lessons.get(owner, lesson)
    if scene not in found.scenes:
        raise ProblemError(404, f"the scene does not belong to the lesson {found.name}")
    return _shown(parts, parts.teachings.without(found, scene, _canvases(parts, found)))


@router.put("/{lesson}/classes", responses=problems(404, 409, 429, 507))
def set_classes(lesson: Id, asked: Palette, parts: Parts, owner: Owner) -> Lesson:
    """Rename, recolour, merge, split and add classes; new ones without strokes that are left out are removed."""
    found = parts.teachings.lessons.get(owner, lesson)
    parts.teachings.recolor(found, _canvases(parts, found), asked.classes)
    return _shown(parts, found)


@router.post("/{lesson}/learn", responses=problems(404, 409, 429, 507))
def learn(lesson: Id, parts: Parts, owner: Owner) -> Step:
    """Learn from all strokes; answers how well those are mapped that were held out."""
    return parts.teachings.learn(parts.teachings.lessons.get(owner, lesson))


@router.post("/{lesson}/undo", responses=problems(404, 409, 429, 507))
def undo(lesson: Id, parts: Parts, owner: Owner) -> Lesson:
    """Take the last lesson back, with the strokes that were painted since the one before."""
    found = parts.teachings.lessons.get(owner, lesson)
    parts.teachings.undo(found)
    return _shown(parts, found)


@router.post("/{lesson}/model", status_code=201, responses=problems(404, 409, 429, 507))
def save_model(lesson: Id, asked: NewModel, parts: Parts, owner: Owner) -> Model:
    """Save what was learned as a model, which maps like any other."""
    saved = parts.teachings.save(parts.teachings.lessons.get(owner, lesson), asked.name)
    return to_model(saved, parts.folders.models(owner))


@router.get(
    "/{lesson}/scenes/{scene}/tiles/{z}/{x}/{y}.png", response_class=Response, responses=PNG | problems(404, 429)
)
def live_tile(
    lesson: Id, scene: Id, z: Level, x: Place, y: Place, request: Request, parts: Parts, owner: Owner,
    before: Annotated[bool, Query(description="The map of the model as it was.")] = False,
) -> Response:  # fmt: skip
    """A tile of the live map in the scene's grid; transparent where nothing is predicted yet."""
    begun = time.perf_counter()
    found, canvas = parts.teachings.lessons.get(owner, lesson), parts.canvas(owner, scene)
    tile = tile_at(z, x, y, height=canvas.grid.height, width=canvas.grid.width, levels=_levels(parts, owner, scene))
    desk = parts.teacher.desk(found)
    live = parts.teacher.live(found, canvas)
    numbers = live.within(tile.window)
    parts.teacher.freshened(desk, live, numbers)
    colors = parts.teachings.colors(found)
    labels = parts.teachings.heirs(found) if before else desk.shown[0].plan.task.labels
    look = hash((before, live.bands, tuple(labels), tuple(colors.items())))
    tag = f'"{lesson}-{scene}-{z}-{x}-{y}-{live.stamp(numbers, before=before)}-{look:x}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    answer = png(paint_live(live, tile, labels, colors, before=before))
    parts.metrics.tile(time.perf_counter() - begun)
    return Response(answer, media_type="image/png", headers=headers)


@router.get("/{lesson}/scenes/{scene}/shown", responses=problems(404, 429))
def shown(
    lesson: Id, scene: Id, parts: Parts, owner: Owner,
    col: Whole = 0, row: Whole = 0, width: Whole = 0, height: Whole = 0,
) -> Shown:  # fmt: skip
    """How far the live map follows the last lesson: in a window of the scene, and in all of it."""
    found, canvas = parts.teachings.lessons.get(owner, lesson), parts.canvas(owner, scene)
    desk = parts.teacher.desk(found)
    live = parts.teacher.live(found, canvas)
    whole = Window(0, 0, canvas.grid.height, canvas.grid.width)
    window = Window(row, col, height, width).intersect(whole) or whole
    numbers = live.within(window)
    parts.teacher.follower.wanted(desk, live, numbers)
    problem = live.problem or desk.problem
    stale, left = len(live.stale(numbers, desk.lesson)), len(live.stale(None, desk.lesson))
    return Shown(
        stale=stale, left=left, version=live.version,  # read last, so that with nothing stale it covers all tiles
        tiles=len(live.tiles), view=len(numbers), unknown=live.unknown(numbers),
        revision=parts.teacher.project(found).revision(canvas), lesson=parts.teachings.lessons.last(found),
        problem=parts.folders.hide(problem) if problem else None,
    )  # fmt: skip


@router.get("/{lesson}/scenes/{scene}/suggestions", responses=problems(404, 429))
def suggestions(
    lesson: Id, scene: Id, parts: Parts, owner: Owner, most: Annotated[int, Query(ge=1, le=100)] = 12
) -> list[Suggested]:
    """Where to look next: the windows where strokes would help most, the first one first."""
    found, canvas = parts.teachings.lessons.get(owner, lesson), parts.canvas(owner, scene)
    return parts.teacher.suggestions(found, canvas, most)


def _shown(parts: Services, lesson: StoredLesson) -> Lesson:
    return parts.teachings.shown(lesson, _canvases(parts, lesson))


def _canvases(parts: Services, lesson: StoredLesson) -> list[Canvas]:
    """Its scenes, but those that are not registered any more."""
    found = []
    for scene in lesson.scenes:
        with suppress(ProblemError):
            found.append(parts.canvas(lesson.owner, scene, read=False))
    return found


def _levels(parts: Services, owner: str, scene: str) -> int:
    return parts.scenes.get(owner, scene).shown.levels
