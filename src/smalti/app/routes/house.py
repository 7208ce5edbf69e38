"""The server itself: the page, models, options, health and figures."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, PlainTextResponse

from smalti import __version__
from smalti.app.asking import Answers, Owner, Parts, problems
from smalti.app.models import find_entry, map_models, to_model
from smalti.app.problems import ProblemError
from smalti.app.schemas import Defaults, Health, Model, Options
from smalti.endings import ENDINGS

router = APIRouter(tags=["server"])
STATIC = Path(__file__).parents[1] / "static"
ModelName = Annotated[str, InPath(max_length=200, examples=["landcover"])]
_FILE: Answers = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The model.",
    }
}
_TEXT: Answers = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Figures for Prometheus."}
}


@router.get("/", include_in_schema=False)
def page() -> Response:
    """The page."""
    if not (STATIC / "index.html").is_file():
        raise ProblemError(404, "this installation has no page; the interface is described at /api/openapi.json")
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


@router.get("/health")
def health() -> Health:
    """Whether the server is up; needs no token."""
    return Health(status="ok", version=__version__)


@router.get("/metrics", response_class=PlainTextResponse, responses=_TEXT | problems())
def metrics(parts: Parts, owner: Owner) -> str:
    """Figures for Prometheus."""
    import psutil

    memory = psutil.Process().memory_info().rss
    return parts.metrics.text(parts.jobs.counts(), parts.jobs.mapped(), memory)


@router.get("/api/models", responses=problems())
def list_models(parts: Parts, owner: Owner) -> list[Model]:
    """The models that maps can be made with, with their cards."""
    own = parts.folders.models(owner)
    return [to_model(entry, own) for entry in map_models(own).values()]


@router.get("/api/models/{name}", responses=problems(404))
def get_model(name: ModelName, parts: Parts, owner: Owner) -> Model:
    """One model."""
    own = parts.folders.models(owner)
    return to_model(find_entry(name, own), own)


@router.delete("/api/models/{name}", status_code=204, responses=problems(404, 409))
def remove_model(name: ModelName, parts: Parts, owner: Owner) -> None:
    """Delete a model that was saved in a lesson; others, and one that a job or a lesson needs, stay."""
    parts.remove_model(owner, name)


@router.get("/api/models/{name}/file", response_class=FileResponse, responses=_FILE | problems(404))
def model_file(name: ModelName, parts: Parts, owner: Owner) -> FileResponse:
    """The file of a model, which every command takes: `--model NAME.onnx`."""
    entry = find_entry(name, parts.folders.models(owner))
    return FileResponse(entry.path, filename=entry.path.name, media_type="application/octet-stream")


@router.get("/api/options", responses=problems())
def options(parts: Parts) -> Defaults:
    """Defaults and limits of this server."""
    limits = parts.limits
    return Defaults(
        options=Options(), roots=list(map(str, parts.roots.folders)), hosts=list(parts.hosts.listed),
        photos=sorted(ENDINGS),
        max_upload_bytes=limits.upload_bytes, max_scene_pixels=limits.scene_pixels, max_jobs=limits.jobs,
        keep_days=limits.keep_days,
    )  # fmt: skip
