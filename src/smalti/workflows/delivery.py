"""What happens to finished maps: they are described by STAC, and brought to the object store that is their output.

Maps of a store are made in a folder of this machine, then uploaded.

While a map is made its lease is held, so that two clusters never mix. Objects appear whole, the map after its
side-cars, and last the item that says that all is there: a map with an item of the same job is finished. A killed run
resumes in the folder. Workers of a cluster deliver what they have made; index and collection are written by the process
that the user has started.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from smalti.errors import BusyError, OptionError, OutputError, RasterError
from smalti.files import beside, user_cache
from smalti.mapping.protect import Outputs
from smalti.mapping.source import Source
from smalti.products import Product
from smalti.raster.read import open_raster
from smalti.remote.address import Address, parse_address
from smalti.remote.item import JOB
from smalti.remote.lease import leased_object
from smalti.remote.shelf import FolderShelf, StoreShelf
from smalti.remote.store import Store, StoreError
from smalti.workflows.map_result import MapResult
from smalti.workflows.models import OpenModel
from smalti.workflows.publish import Publisher

_OBJECTS = "smalti:objects"
"""The property of an item that states version and size of each object of its map."""
_MAPS = (".tif", ".tiff")


class Place:
    """An output in a store, and the folder of this machine in which it is made."""

    def __init__(self, out: str) -> None:
        """Raises OptionError for what is no address, StoreError if it cannot be written to."""
        given = parse_address(out)
        self.single = given.key.lower().endswith(_MAPS) and not out.endswith("/")
        self.prefix = given.above if self.single else given
        self.store = Store(given)
        self.ahead = self.store.check_writable(self.prefix)
        self.shelf = StoreShelf(self.store, self.prefix)
        self.work = work_folder(self.prefix)
        self.local = str(self.work / given.name) if self.single else f"{self.work}/"

    def check(self, maps: int, polygons: str | None) -> None:
        """OptionError if the place does not fit what is to be written."""
        if self.single and maps > 1:
            raise OptionError(f"{maps} scenes need a prefix, but OUT ends in .tif; end it in /, or give --mosaic")
        if polygons is not None and "/" in polygons:
            raise OptionError(
                f"OUT is in an object store: give --polygons only an ending, such as .parquet, not {polygons}",
                value=polygons,
            )


def work_folder(prefix: Address) -> Path:
    """The folder of this machine in which the maps of a prefix are made."""
    stores = (user_cache() or Path(tempfile.gettempdir()) / "smalti") / "stores"
    return stores / prefix.scheme / prefix.bucket / prefix.key


@lru_cache(1)
def place_for_worker(out: str) -> Place:
    """A place that is opened once for the many maps that a worker makes."""
    return Place(out)


class Delivery(Protocol):
    """Makes maps, and brings them where they are to be."""

    def deliver(
        self, source: Source, planned: Outputs, job: Callable[[], str], make: Callable[[], MapResult]
    ) -> MapResult:
        """Makes one map, and states its STAC item; `job` is a digest of all that it depends on."""

    def add(self, result: MapResult) -> None:
        """Adds a map, which any process may have made, to those that `finish` describes."""

    def finish(self, whole: Mapping[str, Any] = {}) -> None:
        """Describes all maps together; `whole` are STAC assets that show them as one."""


class Described:
    """Maps in a folder, each with a STAC item."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def deliver(
        self, source: Source, planned: Outputs, job: Callable[[], str], make: Callable[[], MapResult]
    ) -> MapResult:
        """Makes a map and its item. Raises the errors of `make`; OutputError if a file is of other origin."""
        item, version = self._publisher.item_of(planned)
        result = make()
        wanted = job()
        if item is None or result.summary is not None or item["properties"][JOB] != wanted:
            item = self._publisher.described(source, planned, result, wanted)
            if not self._publisher.put_item(item, version):
                raise BusyError(f"{result.path}: another process wrote its item meanwhile; run again")
        return replace(result, item=item)

    def add(self, result: MapResult) -> None:
        """See `Delivery`."""
        self._publisher.add(result)

    def finish(self, whole: Mapping[str, Any] = {}) -> None:
        """Writes index and collection."""
        self._publisher.finish(whole)


class Stored:
    """Maps in an object store."""

    def __init__(self, publisher: Publisher, rasters: Callable[[Path], dict[Path, Product]], place: Place) -> None:
        """`rasters` are the rasters of a map of that path."""
        self._publisher, self._rasters, self._place = publisher, rasters, place

    def deliver(
        self, source: Source, planned: Outputs, job: Callable[[], str], make: Callable[[], MapResult]
    ) -> MapResult:
        """Makes a map and uploads it with all that belongs to it; a finished one is only recognised.

        Raises the errors of `make`; StoreError if the store refuses; BusyError if another process makes it;
        OutputError if an object is of other origin; RasterError if the scene changed meanwhile.
        """
        output = self._place.prefix.at(planned.rasters[0].name)
        with leased_object(self._place.store, output, self._place.ahead) as lease:
            item, version = self._publisher.item_of(planned)
            wanted = job()
            if item is not None and item["properties"][JOB] == wanted and self._is_complete(item):
                _clear(planned)
                return self._told(item, planned, self._found(source, output, planned, item))
            self._check_free(planned)
            result = make()
            if job() != wanted:
                raise RasterError(f"{source.name}: has changed while it was read; run again")
            lease.check()
            try:
                item = self._uploaded(self._publisher.described(source, planned, result, wanted), planned, wanted)
                lease.check()
                if not self._publisher.put_item(item, version):
                    raise BusyError(f"{output}: another process wrote its item meanwhile; run again")
            except StoreError as error:
                raise StoreError(f"{error}; the finished map is kept in {self._place.work}") from None
            _clear(planned)
            return self._told(item, planned, result)

    def add(self, result: MapResult) -> None:
        """See `Delivery`."""
        self._publisher.add(result)

    def finish(self, whole: Mapping[str, Any] = {}) -> None:
        """Writes index and collection."""
        self._publisher.finish(whole)
        remove_empty(self._place.work)

    def _told(self, item: dict[str, Any], planned: Outputs, result: MapResult) -> MapResult:
        names = [path.name for path in (*planned.rasters, planned.polygons, planned.page) if path is not None]
        addresses = tuple(str(self._place.prefix.at(name)) for name in names)
        return replace(result, addresses=addresses, item=item)

    def _found(self, source: Source, output: Address, planned: Outputs, item: Mapping[str, Any]) -> MapResult:
        """The result of a map that was finished already."""
        path = planned.rasters[0]
        with open_raster(str(output), expand=False) as finished:
            grid = finished.grid
        count = int(item["properties"].get("smalti:polygons", 0))
        return MapResult(source.name, path, self._rasters(path), grid, None, planned.polygons, count, planned.page)

    def _is_complete(self, item: Mapping[str, Any]) -> bool:
        """Whether all objects that an item lists are as they were uploaded."""
        for name, (etag, size) in item["properties"].get(_OBJECTS, {"": ("", 0)}).items():
            blob = self._place.store.head(self._place.prefix.at(name))
            if blob is None or (blob.etag, blob.size) != (etag, size):
                return False
        return True

    def _check_free(self, planned: Outputs) -> None:
        """OutputError if an object would be replaced that this program has not written."""
        for path in (*planned.rasters, planned.polygons, planned.page):
            if path is not None and self._place.store.job_of(address := self._place.prefix.at(path.name)) == "":
                raise OutputError(f"{address}: exists and is not of this program; remove it, or choose another output")

    def _uploaded(self, item: dict[str, Any], planned: Outputs, job: str) -> dict[str, Any]:
        """Uploads all files, the map itself last; the item then lists them."""
        objects = {}
        for path in reversed(_made(planned)):
            blob = self._place.store.upload(path, self._place.prefix.at(path.name), job)
            objects[path.name] = (blob.etag, blob.size)
        return {**item, "properties": {**item["properties"], _OBJECTS: objects}}


def delivery_to(
    place: Place | Path, model: OpenModel, rasters: Callable[[Path], dict[Path, Product]], *, cog: bool
) -> Delivery:
    """Brings maps into a store, or describes those of a folder; `rasters` are those of a map of that path."""
    shelf = place.shelf if isinstance(place, Place) else FolderShelf(place)
    publisher = Publisher(shelf, model.card, model.sha256, cog=cog)
    return Stored(publisher, rasters, place) if isinstance(place, Place) else Described(publisher)


def _made(planned: Outputs) -> list[Path]:
    """The files of a finished map: the rasters, the map first, and all that lies beside them."""
    cars = [beside(raster, "aux.xml") for raster in planned.rasters]
    styles = [raster.with_suffix(".qml") for raster in planned.rasters]
    others = [path for path in (planned.polygons, planned.page) if path is not None]
    return [path for path in (*planned.rasters, *others, *cars, *styles) if path.exists()]


def _clear(planned: Outputs) -> None:
    """Removes what is in the store from this machine."""
    for path in _made(planned):
        path.unlink(missing_ok=True)


def remove_empty(folder: Path) -> None:
    """Removes a folder of work, and those above it, if they are empty."""
    while folder.name != "stores":
        with suppress(OSError):
            folder.rmdir()
        folder = folder.parent
