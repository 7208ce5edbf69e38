"""The items of a STAC item, collection, catalogue or API that a query asks for.

An API searches itself; a static catalogue is walked, without the collections whose extent shows that they have none.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from smalti.errors import DataError, MissingExtraError
from smalti.raster.quiet import quiet
from smalti.remote.documents import Documents
from smalti.remote.form import check_form
from smalti.remote.instant import Interval, parse_instant
from smalti.remote.query import Query, boxes_meet

Item = dict[str, Any]
_THREADS = 8
_PAGE = 100
"""Items that an API is asked for at once."""


def find_items(name: str, query: Query, documents: Documents | None = None) -> list[Item] | None:
    """The items of a catalogue, in order of time, with absolute addresses of their files; None if it is none.

    DataError if it cannot be read or has no item that is asked for.
    """
    documents = documents or Documents()
    if (first := documents.look(name)) is None:
        return None
    found = [item for item in _items(name, first, query, documents) if query.matches(item)]
    if not found:
        asked = f"no item of it matches {query}; ask for more" if query else "it has no item"
        raise DataError(f"{name}: {asked}", value=name)
    return sorted(found, key=lambda item: (_time(item), str(item.get("collection", "")), str(item["id"])))


def _items(name: str, document: Mapping[str, Any], query: Query, documents: Documents) -> Iterator[Item]:
    kind = document.get("type")
    if kind == "Feature":
        yield _absolute(document, name)
    elif kind == "FeatureCollection":
        yield from (_absolute(item, name) for item in document.get("features") or [])
    elif (searched := _searched(name, document, query, documents)) is not None:
        yield from searched
    elif kind in ("Catalog", "Collection"):
        yield from _walked(name, document, query, documents)
    else:
        raise DataError(f"{name}: its type is {kind!r}; expected a STAC item, collection or catalogue", value=name)


def _searched(name: str, document: Mapping[str, Any], query: Query, documents: Documents) -> Iterator[Item] | None:
    """What an API finds; None if there is no API that searches."""
    root = name if document.get("type") == "Catalog" else _link(document, name, "root")
    if root is None or (root != name and not _link(document, name, "items")):
        return None  # a collection of an API links to its items by a page of them
    start = document if root == name else documents.read(root)
    if not any("item-search" in text for text in start.get("conformsTo") or ()):
        return None
    offers = {link.get("method") or "GET" for link in start.get("links") or () if link.get("rel") == "search"}
    asked: dict[str, Any] = {
        "method": "GET" if offers == {"GET"} else "POST",
        "collections": None if root == name else [str(document.get("id"))],
        "bbox": None if query.bbox is None else list(query.bbox),
        "datetime": None if query.interval is None else str(query.interval),
    }
    try:
        found = _search(root, documents, asked)
    except DataError as error:
        raise DataError(f"{name}: {error}", value=name) from None
    return (_absolute(item, _link(item, root, "self") or root) for item in found)


def _search(root: str, documents: Documents, asked: Mapping[str, Any]) -> list[Item]:
    io = documents.io
    from pystac_client import Client
    from pystac_client.exceptions import APIError
    from requests import RequestException

    try:
        with quiet(UserWarning):  # of what an API declares of itself
            return list(Client.open(root, stac_io=io).search(limit=_PAGE, **asked).items_as_dicts())
    except (APIError, RequestException) as error:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"its search fails: {text[:200]}; check the address and the query") from None


def _walked(name: str, start: Mapping[str, Any], query: Query, documents: Documents) -> Iterator[Item]:
    waiting, seen = [(name, start)], {name}
    with ThreadPoolExecutor(_THREADS) as threads:
        while waiting:
            place, document = waiting.pop(0)
            if not _may_have(document, query):
                continue
            items = [href for href in _links(document, place, "item") if href not in seen]
            below = [href for href in _links(document, place, "child") if href not in seen]
            seen.update(items, below)
            for href, item in zip(items, threads.map(documents.read, items), strict=True):
                yield _absolute(item, href)
            waiting += zip(below, threads.map(documents.read, below), strict=True)


def _may_have(document: Mapping[str, Any], query: Query) -> bool:
    """Whether the extent of a collection lets it have items that are asked for."""
    extent = document.get("extent") or {}
    boxes = [box for box in (extent.get("spatial") or {}).get("bbox") or [] if None not in box]
    if query.bbox is not None and boxes and not any(boxes_meet(query.bbox, box) for box in boxes):
        return False
    times = (extent.get("temporal") or {}).get("interval") or []
    if query.interval is None or not times:
        return True
    return any(_interval(pair).meets(query.interval) for pair in times)


def _interval(pair: Sequence[str | None]) -> Interval:
    begin, end = (*pair, None, None)[:2]
    try:
        known = {"begin": parse_instant(begin)} if begin else {}
        return Interval(**known, **({"end": parse_instant(end)} if end else {}))
    except ValueError:
        return Interval()


def _absolute(item: Mapping[str, Any], place: str) -> Item:
    """An item with absolute addresses of its files, and of itself as link `self`."""
    check_form(item, place)
    if item.get("type") != "Feature" or not isinstance(item.get("id"), str):
        raise DataError(f"{place}: is no STAC item; expected a Feature with an id", value=place)
    own = _link(item, place, "self") or place
    base = own if "://" in own else place
    assets = {
        key: {**asset, "href": resolved(str(asset.get("href", "")), base)}
        for key, asset in (item.get("assets") or {}).items()
    }
    links = [link for link in item.get("links") or [] if link.get("rel") != "self"]
    return {**item, "assets": assets, "links": [*links, {"rel": "self", "href": base}]}


def resolved(href: str, base: str) -> str:
    """An address as a document at `base` means it."""
    try:
        from pystac.utils import make_absolute_href
    except ImportError:
        raise MissingExtraError("pystac, which reads catalogues,", "remote") from None
    return make_absolute_href(href, base if "://" in base or base.startswith("/vsi") else str(Path(base).absolute()))


def _links(document: Mapping[str, Any], place: str, rel: str) -> list[str]:
    return [
        resolved(str(link["href"]), place)
        for link in document.get("links") or []
        if link.get("rel") == rel and link.get("href")
    ]


def _link(document: Mapping[str, Any], place: str, rel: str) -> str | None:
    return next(iter(_links(document, place, rel)), None)


def _time(item: Item) -> str:
    properties = item.get("properties") or {}
    return str(properties.get("datetime") or properties.get("start_datetime") or "")
