"""The images of a STAC item."""

import json
from typing import Any
from urllib.parse import urljoin

from smalti.app.access.hosts import Hosts
from smalti.app.problems import ProblemError
from smalti.app.scenes.fetch import fetch

_LONGEST = 4 * 2**20
_MOST = 16
_IMAGES = ("image/tiff", "image/jp2", "image/jpeg", "image/png")


def images_of(url: str, hosts: Hosts) -> list[str]:
    """The URLs of an item's images: its `visual` one, else all with the role `data`; ProblemError for none."""
    try:
        item = json.loads(b"".join(fetch(url, hosts, _LONGEST)))
        assets = item["assets"] if item["type"] == "Feature" else None
        found = [str(asset["href"]) for asset in _chosen(assets)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ProblemError(422, f"{url[:200]!a}: is no STAC item; give the address of an item's JSON") from None
    if not found:
        raise ProblemError(422, f"{url[:200]!a}: the item has no image of type {', '.join(_IMAGES)}; give its URL")
    return [urljoin(url, href) for href in found[:_MOST]]


def _chosen(assets: Any) -> list[dict[str, Any]]:
    images = {key: asset for key, asset in assets.items() if str(asset.get("type", "")).startswith(_IMAGES)}
    if "visual" in images:
        return [images["visual"]]
    return [asset for asset in images.values() if "data" in asset.get("roles", ())]
