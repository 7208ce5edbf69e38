"""The collection of all maps of one place: where and when they are, and links to their items."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smalti import __version__
from smalti.errors import OutputError
from smalti.remote.index import INDEX
from smalti.remote.item import COLLECTION, COLLECTION_ID, JOB, STAC
from smalti.remote.shelf import Shelf, merge
from smalti.remote.store import KINDS

_OURS = "smalti:version"


def check_collection(shelf: Shelf) -> None:
    """OutputError if there is a collection of other origin."""
    if (found := shelf.get(COLLECTION)) is not None:
        _read(shelf, found[0])


def read_item(content: bytes) -> dict[str, Any] | None:
    """An item of this program; None for any other content."""
    try:
        found = json.loads(content)
        return found if isinstance(found["properties"][JOB], str) else None
    except (ValueError, KeyError, TypeError):
        return None


def written(document: Mapping[str, Any]) -> bytes:
    """A document as bytes."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def add_to_collection(
    shelf: Shelf, items: Sequence[Mapping[str, Any]], assets: Mapping[str, Any], whole: Mapping[str, Any] = {}
) -> None:
    """Adds items to the collection, which is made if it is missing; OutputError if it is of other origin.

    `assets` describe what each item has; `whole` are assets of the collection itself.
    """
    merge(shelf, COLLECTION, lambda old: written(_with(_read(shelf, old) if old else {}, items, assets, whole)))


def _read(shelf: Shelf, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict) or _OURS not in found:
        where = shelf.where(COLLECTION)
        raise OutputError(f"{where}: exists and is not a collection of this program; choose another output")
    return found


def _with(
    old: Mapping[str, Any], items: Sequence[Mapping[str, Any]], assets: Mapping[str, Any], whole: Mapping[str, Any]
) -> dict[str, Any]:
    links = {link["href"]: link for link in old.get("links", ()) if link["rel"] == "item"}
    links |= {f"./{item['id']}.json": _link(item) for item in items}
    extent = old.get("extent", {})
    boxes = [*extent.get("spatial", {}).get("bbox", ())[:1], *(item["bbox"] for item in items if "bbox" in item)]
    pairs = [*extent.get("temporal", {}).get("interval", ()), *(_span(item["properties"]) for item in items)]
    index = {"href": f"./{INDEX}", "type": KINDS[".parquet"], "roles": ["index"]}
    root = {"rel": "root", "href": f"./{COLLECTION}", "type": "application/json"}
    extensions = sorted({*old.get("stac_extensions", ()), *(name for item in items for name in _of_assets(item))})
    return {
        "type": "Collection",
        "stac_version": STAC,
        "stac_extensions": extensions,
        "id": COLLECTION_ID,
        "title": "Maps",
        "description": "Maps predicted by Smalti, one item for each.",
        "license": "other",
        "extent": {"spatial": {"bbox": [_union(boxes)]}, "temporal": {"interval": [_hull(pairs)]}},
        "links": [root, *(links[href] for href in sorted(links))],
        "assets": {**old.get("assets", {}), **whole, "index": index},
        "item_assets": {**old.get("item_assets", {}), **assets},
        _OURS: __version__,
    }


def _of_assets(item: Mapping[str, Any]) -> Iterable[str]:
    return (name for name in item["stac_extensions"] if "/classification/" in name or "/raster/" in name)


def _link(item: Mapping[str, Any]) -> dict[str, str]:
    return {"rel": "item", "href": f"./{item['id']}.json", "type": "application/geo+json"}


def _span(properties: Mapping[str, Any]) -> list[str | None]:
    instant = properties.get("datetime")
    return [properties.get("start_datetime") or instant, properties.get("end_datetime") or instant]


def _union(boxes: Sequence[Sequence[float]]) -> list[float]:
    """The rectangle around all; the whole Earth if none is known or one crosses the antimeridian."""
    if not boxes or any(box[0] > box[2] for box in boxes):
        return [-180.0, -90.0, 180.0, 90.0]
    return [min(box[0] for box in boxes), min(box[1] for box in boxes), max(box[2] for box in boxes),
            max(box[3] for box in boxes)]  # fmt: skip


def _hull(pairs: Sequence[Sequence[str | None]]) -> list[str | None]:
    begins = [pair[0] for pair in pairs if pair[0]]
    ends = [pair[1] for pair in pairs if pair[1]]
    return [min(begins, default=None), max(ends, default=None)]
