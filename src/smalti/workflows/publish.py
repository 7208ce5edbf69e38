"""Items, collection and index of the maps of one place."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smalti.card import Card
from smalti.errors import OutputError, OutputWarning, warn
from smalti.mapping.protect import Outputs
from smalti.mapping.source import Source
from smalti.polygons.degrees import Degrees, lies_on_earth
from smalti.raster.check import REFUSALS
from smalti.raster.files import quiet_open
from smalti.raster.grid import Grid
from smalti.remote.collection import add_to_collection, check_collection, read_item, written
from smalti.remote.index import add_to_index, check_index, import_pyarrow
from smalti.remote.instant import written as written_time
from smalti.remote.item import Described, Footprint, asset_of, map_item, model_file, source_times
from smalti.remote.shelf import Shelf
from smalti.workflows.map_result import MapResult

_TAGS = ("TIFFTAG_DATETIME", "EXIF_DateTimeOriginal")


class Publisher:
    """Describes maps on a shelf: an item for each at once, collection and index at the end."""

    def __init__(self, shelf: Shelf, card: Card, sha256: str, *, cog: bool) -> None:
        """Raises OutputError where a collection or index is of other origin, MissingExtraError without pyarrow."""
        import_pyarrow()
        check_collection(shelf)
        check_index(shelf)
        self._shelf, self._card, self._sha256, self._cog = shelf, card, sha256, cog
        self._items: list[dict[str, Any]] = []
        self._assets: dict[str, Any] = {}

    def described(self, source: Source, planned: Outputs, result: MapResult, job: str) -> dict[str, Any]:
        """The item of a finished map."""
        return map_item(
            Described(
                stem=planned.rasters[0].stem,
                grid=result.grid,
                footprint=footprint(result.grid),
                rasters={path.name: result.products[path] for path in planned.rasters},
                polygons=planned.polygons.name if planned.polygons else None,
                polygon_count=result.polygon_count,
                page=planned.page.name if planned.page else None,
                sources=_addresses(source),
                times=_times(source),
                created=written_time(datetime.now(UTC).replace(microsecond=0)),
                card=self._card,
                sha256=self._sha256,
                job=job,
                cog=self._cog,
            )
        )

    def put_item(self, item: dict[str, Any], version: str | None) -> bool:
        """Writes an item, and which model it is of; False if another process wrote it meanwhile."""
        model = {"sha256": self._sha256, "card": self._card.model_dump(mode="json")}
        self._shelf.put_if(model_file(self._card, self._sha256), written(model), None)  # it may be there already
        return self._shelf.put_if(f"{item['id']}.json", written(item), version) is not None

    def item_of(self, planned: Outputs) -> tuple[dict[str, Any] | None, str | None]:
        """The item of a map and its version, if there is one; OutputError if the file is of other origin."""
        name = f"{planned.rasters[0].stem}.json"
        if (found := self._shelf.get(name)) is None:
            return None, None
        if (item := read_item(found[0])) is None:
            where = self._shelf.where(name)
            raise OutputError(f"{where}: exists and is not an item of this program; choose another output")
        return item, found[1]

    def add(self, result: MapResult) -> None:
        """Adds the item of a finished map to those that `finish` lists."""
        item = result.item
        assert item is not None
        self._items.append(item)
        rasters = {f"./{path.name}": product for path, product in result.products.items()}
        for key, asset in item["assets"].items():
            if asset["href"] in rasters:
                self._assets[key] = asset_of(rasters[asset["href"]], None, self._cog)
            else:
                self._assets[key] = {name: value for name, value in asset.items() if name != "href"}

    def finish(self, whole: Mapping[str, Any] = {}) -> None:
        """Adds all items to index and collection, and to the latter assets that show all maps as one."""
        if self._items:
            add_to_index(self._shelf, self._items)
            add_to_collection(self._shelf, self._items, self._assets, whole)


def footprint(grid: Grid) -> Footprint | None:
    """The ground of a map in degrees; None, with a warning, for one without a place."""
    if not lies_on_earth(grid):
        warn(OutputWarning("a map without a place on the ground: its item has no geometry"))
        return None
    import numpy as np
    import shapely

    shape = Degrees(grid)(np.array([shapely.box(0, 0, grid.width, grid.height)]))[0]
    west, south, east, north = shape.bounds
    if west == -180 and east == 180 and shape.geom_type == "MultiPolygon":  # across the antimeridian
        west = min(part.bounds[0] for part in shape.geoms if part.bounds[0] > 0)
        east = max(part.bounds[2] for part in shape.geoms if part.bounds[2] < 0)
    return Footprint(geometry=shape.__geo_interface__, bbox=(west, south, east, north))


def _addresses(source: Source) -> Sequence[str]:
    """What others can reach of a source: its item, or its files on servers; nothing of this machine's folders."""
    links = (source.item or {}).get("links", ())
    own = [str(link["href"]) for link in links if link["rel"] == "self" and "://" in link["href"]]
    return own or [file for file in source.files if "://" in file or file.startswith("/vsi")]


def _times(source: Source) -> dict[str, str | None]:
    """When a scene was taken: by its item, by its file's tags, else by the time of its file."""
    if source.item is not None:
        return source_times(source.item)
    if known := _instants(source.taken):
        first, last = written_time(known[0]), written_time(known[-1])
        return {"datetime": first, **({} if first == last else {"start_datetime": first, "end_datetime": last})}
    file = source.files[0]
    try:
        with quiet_open(file) as dataset:
            tags = dataset.tags()
    except REFUSALS:
        tags = {}
    for tag in _TAGS:
        try:
            taken = datetime.strptime(tags.get(tag, ""), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            continue
        return {"datetime": written_time(taken)}
    return {"datetime": written_time(_file_time(file))}


def _instants(taken: Sequence[str]) -> list[datetime]:
    """Times of digits in order, without those that are no times."""
    found = []
    for digits in taken:
        with suppress(ValueError):
            found.append(datetime.strptime(digits, "%Y%m%d%H%M").replace(tzinfo=UTC))
    return sorted(found)


def _file_time(file: str) -> datetime:
    try:
        return datetime.fromtimestamp(Path(file).stat().st_mtime, UTC)
    except OSError:
        return datetime.now(UTC)
