"""Scenes: upload them, find them, look at them."""

import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from smalti.app.access.names import LONGEST
from smalti.app.access.roots import entries
from smalti.app.asking import Answers, Id, Owner, Parts, problems
from smalti.app.problems import ProblemError
from smalti.app.scenes.adding import add_each
from smalti.app.scenes.fetch import fetch, name_of
from smalti.app.scenes.formats import check_file
from smalti.app.scenes.stac import images_of
from smalti.app.schemas import SET, Added, Entry, Listing, NewScene, Scene, SceneItem, ScenePath, SceneUrl
from smalti.app.services import Services
from smalti.app.viewing.eye import look_of
from smalti.app.viewing.tiles import photo, tile_at
from smalti.mapping.places import scenes as scenes_in

router = APIRouter(prefix="/api", tags=["scenes"])
BINARY = {"schema": {"type": "string", "format": "binary"}}
_PHOTO: Answers = {200: {"content": {"image/jpeg": BINARY, "image/png": BINARY}, "description": "A tile."}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_SET = "Files of one set lie in one folder: images with their world files, photos of a series."
_FILE = "The name of the file, with its ending."
Level = Annotated[int, Path(ge=0, le=40)]
Place = Annotated[int, Path(ge=0, le=2**31)]


@router.post("/uploads", status_code=201, responses=problems(408, 413, 429, 507), openapi_extra=_BODY)
async def upload(
    request: Request,
    parts: Parts,
    owner: Owner,
    name: Annotated[str, Query(min_length=1, max_length=LONGEST, description=_FILE)],
    together: Annotated[str | None, Query(alias="set", pattern=SET, description=_SET)] = None,
) -> Scene | Added | None:
    """Upload an image, or a .zip of images, as the raw body.

    A .zip gives its scenes, and the files in it that are none; a file of a set that is kept and no
    image, such as a world file or a raw photo, gives null.
    """
    length = request.headers.get("content-length", "")
    parts.uploads.check(owner, name, int(length) if length.isdecimal() else None)
    async with parts.uploads.place():
        try:
            return await parts.uploads.received(owner, name, _counted(request, parts), together)
        except ClientDisconnect:
            raise ProblemError(422, f"{name}: only a part of it arrived; send it again") from None


async def _counted(request: Request, parts: Services) -> AsyncIterator[bytes]:
    async for part in request.stream():
        parts.metrics.received(len(part))
        yield part


@router.post("/scenes", status_code=201, responses=problems(404, 408, 413, 429, 507))
async def add_scenes(asked: NewScene, parts: Parts, owner: Owner) -> Added:
    """Register a file or folder below an allowed folder, or fetch images of an allowed host.

    Of several files the good ones are taken; `refused` names the others.
    """
    if isinstance(asked, ScenePath):
        return await run_in_threadpool(_by_path, asked.path, parts, owner)
    url = asked.url if isinstance(asked, SceneUrl) else asked.stac
    parts.hosts.check(url)
    async with parts.uploads.place():
        return await run_in_threadpool(_by_url, asked, parts, owner)


def _by_path(path: str, parts: Services, owner: str) -> Added:
    found = parts.roots.find(path)
    files = scenes_in(str(found), lambda _: None) if found.is_dir() else [str(found)]

    def add(name: str) -> Scene:
        file = parts.roots.find(name)
        sources = check_file(file, parts.roots.holds)
        return parts.scenes.add(owner, file, "path", sources=sources)

    return add_each(files, add, parts.folders.hide)


def _by_url(asked: SceneUrl | SceneItem, parts: Services, owner: str) -> Added:
    urls = [asked.url] if isinstance(asked, SceneUrl) else images_of(asked.stac, parts.hosts)
    return add_each(urls, lambda url: _fetched(url, parts, owner), parts.folders.hide)


def _fetched(url: str, parts: Services, owner: str) -> Scene:
    name = name_of(url)
    parts.uploads.check(owner, name, None)
    return parts.uploads.fetched(owner, name, fetch(url, parts.hosts, parts.limits.upload_bytes))


@router.get("/scenes", responses=problems())
def list_scenes(parts: Parts, owner: Owner) -> list[Scene]:
    """Your scenes, the newest first."""
    return parts.scenes.all(owner)


@router.get("/scenes/{scene}", responses=problems(404))
def get_scene(scene: Id, parts: Parts, owner: Owner) -> Scene:
    """One scene."""
    return parts.scenes.get(owner, scene).shown


@router.delete("/scenes/{scene}", status_code=204, responses=problems(404, 409))
def remove_scene(scene: Id, parts: Parts, owner: Owner) -> None:
    """Remove a scene and the server's own copy of it; never a file below an allowed folder."""
    parts.remove_scene(parts.scenes.get(owner, scene))


@router.get("/scenes/{scene}/tiles/{z}/{x}/{y}", response_class=Response, responses=_PHOTO | problems(404))
def scene_tile(
    scene: Id, z: Level, x: Place, y: Place, request: Request, parts: Parts, owner: Owner,
    bands: Annotated[str | None, Query(max_length=200, examples=["1,2,3"])] = None,
    stretch: Annotated[str | None, Query(max_length=64, examples=["2%,98%"])] = None,
) -> Response:  # fmt: skip
    """A tile of 256 pixels in the scene's own grid: JPEG, or PNG with transparent pixels. For the eye only."""
    begun = time.perf_counter()
    known = parts.scenes.get(owner, scene)
    parts.scenes.touch(known)
    tile = tile_at(z, x, y, height=known.shown.height, width=known.shown.width, levels=known.shown.levels)
    look = look_of(known, bands, stretch)
    tag = f'"{known.id}-{known.overviews}-{z}-{x}-{y}-{hash(look):x}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304)
    with parts.uses.reading(known.id):
        pixels, exact = parts.eye.tile(known, tile, look)
    answer, kind = photo(pixels)
    parts.metrics.tile(time.perf_counter() - begun)
    kept = {"ETag": tag, "Cache-Control": "private, max-age=3600"} if exact else {"Cache-Control": "no-store"}
    return Response(answer, media_type=kind, headers=kept)


@router.get("/browse", responses=problems(404))
def browse(parts: Parts, owner: Owner, path: Annotated[str | None, Query(max_length=4096)] = None) -> Listing:
    """Folders and images below the allowed folders."""
    if not path:
        roots = [
            Entry(name=folder.name or str(folder), path=str(folder), folder=True, bytes=None)
            for folder in parts.roots.folders
        ]
        return Listing(path=None, parent=None, entries=roots)
    folder = parts.roots.find(path)
    if not folder.is_dir():
        raise ProblemError(404, f"{folder.name}: is a file; give a folder")
    found = [
        Entry(name=entry.name, path=str(entry), folder=is_folder, bytes=None if is_folder else entry.stat().st_size)
        for entry, is_folder in entries(folder, parts.roots)
    ]
    parent = str(folder.parent) if parts.roots.holds(folder.parent) else None
    return Listing(path=str(folder), parent=parent, entries=found)
