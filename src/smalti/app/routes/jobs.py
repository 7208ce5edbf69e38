"""Jobs: start them, follow them, look at what they made."""

import time
from contextlib import ExitStack, suppress
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from smalti.app.asking import Answers, Id, Owner, Parts, problems
from smalti.app.downloads import Download
from smalti.app.jobs.areas import areas_of
from smalti.app.jobs.layers import find_layer
from smalti.app.jobs.paint import hidden, paint_tile
from smalti.app.jobs.planning import plan_comparison, plan_map
from smalti.app.jobs.results import PAGE
from smalti.app.jobs.spot import spot_at
from smalti.app.jobs.table import Asked, Stored
from smalti.app.problems import ProblemError
from smalti.app.routes.scenes import BINARY, Level, Place
from smalti.app.scenes.grids import scene_grid
from smalti.app.scenes.sets import PHOTOS, set_folder
from smalti.app.schemas import AreaRow, Job, NewComparison, NewJob, NewPhotos, PhotoFolder, ResultFile, Spot
from smalti.app.services import Services
from smalti.app.viewing.overviews import layer_overviews
from smalti.app.viewing.tiles import png, tile_at

router = APIRouter(prefix="/api", tags=["jobs"])
PNG: Answers = {200: {"content": {"image/png": BINARY}, "description": "A tile."}}
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, pattern=r"^[!-~]+$", description="The same key is the same job."),
]
Name = Annotated[str, Path(max_length=200, examples=["map.tif"])]
_EVENTS: Answers = {200: {"content": {"text/event-stream": {}}, "description": "Events named job."}}
_FILE: Answers = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The file.",
    }
}
_PAGE: Answers = {
    200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "A page, or a file of it."}
}
_OWN_PAGE = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
"""Policy of the pages of maps and photos, which hold their scripts and may ask for nothing else."""


@router.post("/jobs", status_code=202, responses=problems(404, 409, 429))
def start_map(asked: NewJob, parts: Parts, owner: Owner, key: Key = None) -> Job:
    """Map a scene, or an area of it, with the options of `smalti map`."""
    known = parts.scenes.get(owner, asked.scene)
    job = parts.jobs.add(owner, plan_map(asked, known, parts.folders.models(owner)), key)
    parts.scenes.touch(known)
    return job.shown


@router.post("/compare", status_code=202, responses=problems(404, 409, 429))
def start_comparison(asked: NewComparison, parts: Parts, owner: Owner, key: Key = None) -> Job:
    """Compare two finished maps of one place: which class became which."""
    before, after = parts.jobs.get(owner, asked.before), parts.jobs.get(owner, asked.after)
    scenes = parts.scene_of(before), parts.scene_of(after)
    return parts.jobs.add(owner, plan_comparison(before, after, scenes), key).shown


@router.post("/photos", status_code=202, responses=problems(404, 409, 429))
def start_photos(asked: NewPhotos, parts: Parts, owner: Owner, key: Key = None) -> Job:
    """Find the best photo of each series in a folder below an allowed folder."""
    folder = _photo_folder(asked, parts, owner)
    if not folder.is_dir():
        raise ProblemError(404, f"{folder.name}: is no folder; give that of the photos")
    return parts.jobs.add(owner, Asked("photos", {"folder": parts.folders.stored(folder)}, 0, 0), key).shown


def _photo_folder(asked: NewPhotos, parts: Services, owner: str) -> FilePath:
    if isinstance(asked, PhotoFolder):
        return parts.roots.find(asked.folder)
    return set_folder(parts.folders, owner, asked.set)


@router.get("/jobs", responses=problems())
def list_jobs(parts: Parts, owner: Owner) -> list[Job]:
    """Your jobs, the newest first."""
    return parts.jobs.all(owner)


@router.get("/jobs/{job}", responses=problems(404))
def get_job(job: Id, parts: Parts, owner: Owner) -> Job:
    """One job."""
    return parts.jobs.get(owner, job).shown


@router.get("/jobs/{job}/events", response_class=StreamingResponse, responses=_EVENTS | problems(404, 429))
def events(job: Id, parts: Parts, owner: Owner) -> StreamingResponse:
    """The job as it is now, and again whenever it changes, as server-sent events; ends when the job is over."""
    parts.jobs.get(owner, job)
    return parts.streams.open(owner, lambda: parts.jobs.get(owner, job))


@router.post("/jobs/{job}/cancel", responses=problems(404, 409))
def cancel(job: Id, parts: Parts, owner: Owner) -> Job:
    """End a job; its finished strips stay, and it can be resumed."""
    parts.jobs.cancel(parts.jobs.get(owner, job))
    return parts.jobs.get(owner, job).shown


@router.post("/jobs/{job}/resume", responses=problems(404, 409, 429))
def resume(job: Id, parts: Parts, owner: Owner) -> Job:
    """Go on with a failed or cancelled job where it ended."""
    parts.jobs.resume(parts.jobs.get(owner, job))
    return parts.jobs.get(owner, job).shown


@router.delete("/jobs/{job}", status_code=204, responses=problems(404, 409))
def remove_job(job: Id, parts: Parts, owner: Owner) -> None:
    """Remove a job that is over, with its results."""
    parts.remove_job(parts.jobs.get(owner, job))


@router.get("/jobs/{job}/tiles/{layer}/{z}/{x}/{y}.png", response_class=Response, responses=PNG | problems(404))
def job_tile(
    job: Id, layer: Annotated[str, Path(max_length=200, examples=["classes"])], z: Level, x: Place, y: Place,
    request: Request, parts: Parts, owner: Owner,
    hide: Annotated[str | None, Query(max_length=1000, examples=["0,3"])] = None,
) -> Response:  # fmt: skip
    """A tile of a layer in its scene's grid; it grows while the job runs."""
    begun = time.perf_counter()
    found = parts.jobs.get(owner, job)
    parts.jobs.touch(found)
    known = parts.scene_of(found)
    tile = tile_at(z, x, y, height=known.shown.height, width=known.shown.width, levels=known.shown.levels)
    growing, area = parts.growing(found, known)
    if layer not in found.shown.layers:
        find_layer(growing.layers, layer)
    over = int(layer_overviews(parts.folders, job, layer).exists())
    tag = f'"{job}-{layer}-{growing.rows_done()}-{over}-{z}-{x}-{y}-{hide or ""}"'.encode("ascii", "replace").decode()
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    with parts.uses.reading(job):
        pixels = paint_tile(growing, layer, tile, area, views=parts.views, hide=hidden(hide))
    answer = png(pixels)
    parts.metrics.tile(time.perf_counter() - begun)
    return Response(answer, media_type="image/png", headers=headers)


@router.get("/jobs/{job}/at", responses=problems(404))
def at(
    job: Id, parts: Parts, owner: Owner,
    col: Annotated[int, Query(ge=0, le=2**31)], row: Annotated[int, Query(ge=0, le=2**31)],
) -> Spot:  # fmt: skip
    """What the job's layers say of a pixel of the scene."""
    found = parts.jobs.get(owner, job)
    parts.jobs.touch(found)
    known = parts.scene_of(found)
    growing, area = parts.growing(found, known)
    with parts.uses.reading(job):
        return spot_at(growing, area, scene_grid(known.shown), col=col, row=row, views=parts.views)


@router.get("/jobs/{job}/areas", responses=problems(404, 409))
def areas(job: Id, parts: Parts, owner: Owner) -> list[AreaRow]:
    """What each class covers; of a comparison, what became what."""
    found = parts.jobs.get(owner, job)
    parts.jobs.touch(found)
    with parts.uses.reading(job):
        return areas_of(found, parts.folders)


@router.get("/jobs/{job}/results", responses=problems(404))
def results(job: Id, parts: Parts, owner: Owner) -> list[ResultFile]:
    """The files of a finished job; those without a size are made when they are asked for."""
    return [result.shown for result in parts.results.all(parts.jobs.get(owner, job))]


@router.get("/jobs/{job}/results/{name}", response_class=FileResponse, responses=_FILE | problems(404, 416, 429, 507))
def result(job: Id, name: Name, parts: Parts, owner: Owner) -> FileResponse:
    """A file of a finished job."""
    found = parts.jobs.get(owner, job)
    parts.jobs.touch(found)
    if name == PAGE:
        parts.scene_of(found)  # the report shows it
    with ExitStack() as used:
        used.enter_context(parts.uses.reading(job))
        path, stem = parts.results.find(found, name), _stem(found, parts)
        done = used.pop_all().close
    if path.suffix == ".html":
        return Download(path, done=done, media_type="text/html", headers={"content-security-policy": _OWN_PAGE})
    return Download(path, done=done, filename=f"{stem}_{name}", media_type="application/octet-stream")


def _stem(job: Stored, parts: Services) -> str:
    """The name of the job's scene without its ending; that of the map where the scene was removed."""
    try:
        return FilePath(parts.scene_of(job).shown.name).stem
    except ProblemError:
        return "scene"


@router.get("/jobs/{job}/page/{path:path}", response_class=FileResponse, responses=_PAGE | problems(404, 416))
def page(job: Id, path: Annotated[str, Path(max_length=4096)], parts: Parts, owner: Owner) -> FileResponse:
    """The page of a job of photos, and the pictures that it shows."""
    from smalti.workflows.photos import PAGE as PHOTOS_PAGE

    found = parts.jobs.get(owner, job)
    parts.jobs.touch(found)
    if found.kind != "photos" or found.state != "done":
        raise ProblemError(404, f"a job of kind {found.kind} that is {found.state} has no page; wait for one of photos")
    own, folder = parts.folders.job(job), parts.folders.found(found.spec["folder"])
    if path in ("", PHOTOS_PAGE):
        return Download(own / PHOTOS_PAGE, headers={"content-security-policy": _OWN_PAGE})
    for place in (own, folder):
        with suppress(OSError, ValueError):  # names that no file can have, and what may not be read
            file = (place / path).resolve()
            shown = file.suffix.lower() in PHOTOS  # the folder may hold what is nobody's business
            if shown and file.is_file() and file.is_relative_to(place.resolve()):
                return Download(file)
    raise ProblemError(404, "the page has no such file; open it again")
