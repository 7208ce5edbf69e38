"""What every route needs of a request: the server's parts, who asks, and the answers that are problems."""

from typing import Annotated, Any, cast

from fastapi import Depends, Path, Request

from smalti.app.problems import MEDIA_TYPE
from smalti.app.services import Services


def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def _owner(request: Request) -> str:
    return cast(str, request.state.owner)


Parts = Annotated[Services, Depends(_services)]
Owner = Annotated[str, Depends(_owner)]
Id = Annotated[str, Path(max_length=64, examples=["0f3a5c8d9e1b2a47"])]

_TEXTS = {
    401: "No valid token.", 403: "Not allowed, or sent by another page.", 404: "There is no such thing.",
    408: "Nothing arrived for too long.", 409: "Not now: its state does not allow it.", 413: "Too large.",
    416: "There is no such part.", 421: "Another host is named.",
    422: "An input that cannot be used.", 429: "Too many.", 500: "An error of the server.",
    501: "A package is not installed.", 507: "The disk or the memory is full.",
}  # fmt: skip


Answers = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Answers:
    """The problems that a route may answer with, for its description; some are possible everywhere."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _TEXTS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({401, 403, 421, 422, 500, *statuses})
    }
