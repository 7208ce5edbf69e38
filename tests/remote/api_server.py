"""A tiny STAC API on the loopback that searches by collection only, two items a page; prints its port."""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ITEMS = [json.loads(file.read_text()) for file in sorted(Path(sys.argv[1]).glob("c/scene-*.json"))]
CORE = "https://api.stacspec.org/v1.0.0/"


def _landing(url: str) -> dict[str, Any]:
    kinds = {"self": "application/json", "root": "application/json", "search": "application/geo+json"}
    links = [
        {"rel": rel, "type": kind, "href": url + ("search" if rel == "search" else "")} for rel, kind in kinds.items()
    ]
    conforms = [CORE + name for name in ("core", "item-search", "collections")]
    links.append({**links[-1], "method": "POST"})
    start: dict[str, Any] = {"stac_version": "1.0.0", "id": "api", "type": "Catalog", "description": "of tests"}
    return {**start, "conformsTo": conforms, "links": links}


async def root(request: Request) -> JSONResponse:
    return JSONResponse(_landing(str(request.base_url)))


async def collection(request: Request) -> JSONResponse:
    url = str(request.base_url)
    links = [{"rel": "root", "href": url}, {"rel": "items", "href": f"{url}collections/c/items"}]
    start = {"stac_version": "1.0.0", "id": "c", "type": "Collection", "description": "", "license": "other"}
    extent = {"spatial": {"bbox": [[15, 45, 16, 46]]}, "temporal": {"interval": [[None, None]]}}
    return JSONResponse({**start, "extent": extent, "links": links})


async def search(request: Request) -> JSONResponse:
    asked = await request.json()
    first = int(asked.get("token", 0))
    found = [item for item in ITEMS if item["collection"] in asked.get("collections", ["c"])]
    more = {"rel": "next", "method": "POST", "href": str(request.url), "body": {**asked, "token": first + 2}}
    links = [more] if len(found) > first + 2 else []
    return JSONResponse({"type": "FeatureCollection", "features": found[first : first + 2], "links": links})


if __name__ == "__main__":
    paths = [Route("/", root), Route("/collections/c", collection), Route("/search", search, methods=["POST"])]
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    print(listening.getsockname()[1], flush=True)
    app = Starlette(routes=paths)
    uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False)).run(sockets=[listening])
