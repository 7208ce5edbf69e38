"""The server: the routes behind the guard, with the processes that work for it."""

import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from sqlite3 import OperationalError
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from smalti import __version__
from smalti.app.access.bodies import Message, Receive
from smalti.app.access.connections import Patient
from smalti.app.access.guard import App, Guard, Scope, Send
from smalti.app.asking import problems
from smalti.app.cleaning import keep_clean
from smalti.app.head import Head
from smalti.app.problems import MEDIA_TYPE, ProblemError, problem_of, to_dict
from smalti.app.routes import house, jobs, lessons, scenes, strokes
from smalti.app.schemas import Problem
from smalti.app.services import Services, Settings
from smalti.app.supervisor import Supervisor
from smalti.app.supervisor import stop as stop_processes
from smalti.errors import SmaltiError, shown

_log = logging.getLogger("smalti.app")
_ABOUT = "Map aerial and satellite images. Send the token as `Authorization: Bearer TOKEN`."


def make_app(services: Services) -> FastAPI:
    """The routes without guard and processes."""
    app = FastAPI(
        title="Smalti", version=__version__, description=_ABOUT, openapi_url="/api/openapi.json", docs_url=None,
        redoc_url=None, swagger_ui_oauth2_redirect_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.services = services
    for router in (house.router, scenes.router, jobs.router, lessons.router, strokes.router):
        app.include_router(router)
    if house.STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=house.STATIC), name="static")
    for kind in (ProblemError, SmaltiError, MemoryError, OperationalError):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(Exception, _unexpected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Adds the schema of problems and the token to the OpenAPI description."""
    plain: Callable[[], dict[str, Any]] = app.openapi

    @cache
    def openapi() -> dict[str, Any]:
        found = plain()
        parts = found.setdefault("components", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.setdefault("schemas", {})["Problem"] = problem
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        found["paths"]["/health"]["get"]["security"] = []
        for operation in (each for methods in found["paths"].values() for each in methods.values()):
            if "requestBody" in operation:
                operation["responses"] |= {str(key): answer for key, answer in problems(408, 413).items()}
        for name in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(name, None)
        return found

    app.openapi = openapi  # type: ignore[method-assign]


def _respond(problem: ProblemError) -> JSONResponse:
    headers = {} if problem.wait is None else {"Retry-After": str(problem.wait)}
    return JSONResponse(to_dict(problem), problem.status, headers, MEDIA_TYPE)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    return _respond(problem_of(error, request.app.state.services.folders.hide))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected", exc_info=error)
    return await _answer(request, error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return _respond(ProblemError(422, f"{shown(where)[:200]}: {first['msg'][:300]}; see /api/openapi.json"))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    text = {
        400: "the body is no JSON in UTF-8", 404: "there is no such address",
        405: "this address does not take this method",
    }.get(error.status_code)  # fmt: skip
    status = 422 if error.status_code == 400 else error.status_code  # FastAPI's own answer to bytes that are no text
    answer = _respond(ProblemError(status, f"{text or error.detail}; see /api/openapi.json"))
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return answer


def _methods(request: Request) -> set[str]:
    """All methods that an address takes: each route knows its own only."""
    paths = request.app.openapi()["paths"]
    found = {"GET"} if request.url.path == "/" else set()
    for path, methods in paths.items():
        if compile_path(path)[0].match(request.url.path):
            found |= {method.upper() for method in methods}
    return found | {"HEAD"} if "GET" in found else found


class Counted:
    """The whole application: counts all answers."""

    def __init__(self, app: App, services: Services) -> None:
        self._app, self.services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.services.metrics.request(scope["method"], message["status"])
            await send(message)

        await self._app(scope, receive, counting)


def guarded_app(settings: Settings, *, processes: bool = True) -> Counted:
    """The whole application; `processes` starts the worker and the builder of overviews with it."""
    services = Services(settings)
    app = make_app(services)
    if processes:
        app.router.lifespan_context = _lifespan(services)
    guard = Guard(Head(app), settings.tokens, settings.names)
    return Counted(guard, services)


def _lifespan(services: Services) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        keeper = threading.Thread(target=keep_clean, args=(services, stop), name="cleaning", daemon=True)
        keeper.start()
        processes = [Supervisor(kind, services.folders.root) for kind in ("jobs", "overviews")]
        try:
            with services.uploads.open():
                yield
        finally:
            stop.set()
            stop_processes(processes)
            services.teacher.close()
            services.views.close()

    return lifespan


def run(app: App, sockets: Sequence[socket.socket]) -> None:
    """Serves until it is interrupted. No request is logged: addresses may hold names of files."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, lifespan="on", ws="none",
        timeout_graceful_shutdown=3, http=Patient,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):  # raised again when all has ended
        uvicorn.Server(config).run(sockets=list(sockets))
