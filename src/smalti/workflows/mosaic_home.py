"""Where a mosaic lies: in a folder, or in an object store with a folder of this machine in which it is made."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from smalti.errors import BusyError, OutputError
from smalti.files import check_local, guarded
from smalti.lock import hold
from smalti.products import Product
from smalti.raster.mark import PRODUCT_TAG
from smalti.remote.address import is_store, parse_address
from smalti.remote.lease import leased_object
from smalti.remote.shelf import FolderShelf, Shelf, StoreShelf
from smalti.workflows.delivery import Delivery, Described, Place, Stored, remove_empty, work_folder
from smalti.workflows.models import OpenModel
from smalti.workflows.publish import Publisher

TILES, WHOLE = "tiles", "mosaic"
"""The folder of the tiles, and the stem of the virtual raster of all."""
_WAIT_S, _WAIT_FAR_S = 0.5, 2.0
"""Seconds after which an output that another process holds is looked at again, here and in a store."""
Rasters = Callable[[Path], dict[Path, Product]]
"""The rasters of a map of that path."""


class Home(Protocol):
    """The place of a mosaic."""

    folder: Path
    """Where its tiles are made, and its virtual raster is written."""
    shelf: Shelf
    """Where the list of its scenes lies."""

    def check(self, wholes: Iterable[str]) -> None:
        """OutputError if files of these names, which will be virtual rasters, are of other origin."""

    def alone(self) -> AbstractContextManager[None]:
        """Lets one process at a time look at scenes, or write the virtual raster; the others wait."""

    def finished(self) -> set[str]:
        """The names of rasters of finished tiles."""

    def delivery(self, model: OpenModel, rasters: Rasters, *, stac: bool) -> Delivery | None:
        """Brings tiles there and describes them; None where there is nothing to do after a tile."""

    def bring(self, wholes: Iterable[Path]) -> None:
        """Brings virtual rasters there, after all else."""


def home_of(out: str) -> Home:
    """The place that an output names; OptionError, OutputError or StoreError if it cannot be one."""
    if is_store(out):
        return StoreHome(out)
    check_local(out)
    return FolderHome(Path(out))


def made_in(out: str) -> Path:
    """The folder in which a mosaic is made."""
    return work_folder(parse_address(out)) if is_store(out) else Path(out)


class FolderHome:
    """A mosaic in a folder; see `Home`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shelf: Shelf = FolderShelf(folder)

    def check(self, wholes: Iterable[str]) -> None:
        """See `Home`."""
        for path in (self.folder / name for name in wholes):
            with guarded(path):
                own = not path.exists() or PRODUCT_TAG.encode() in path.read_bytes()
            if not own:
                raise OutputError(f"{path}: exists and is not of this program; remove it, or choose another output")

    def alone(self) -> AbstractContextManager[None]:
        """See `Home`."""
        return _patient(lambda: hold(self.folder / f"{WHOLE}.vrt"), _WAIT_S)

    def finished(self) -> set[str]:
        """See `Home`."""
        return {entry.name for entry in (self.folder / TILES).iterdir()}

    def delivery(self, model: OpenModel, rasters: Rasters, *, stac: bool) -> Delivery | None:
        """See `Home`."""
        if not stac:
            return None
        return Described(Publisher(FolderShelf(self.folder / TILES), model.card, model.sha256, cog=True))

    def bring(self, wholes: Iterable[Path]) -> None:
        """They are there."""


class StoreHome:
    """A mosaic in an object store; see `Home`."""

    def __init__(self, out: str) -> None:
        """Raises OptionError for what is no address, StoreError if it cannot be written to."""
        self._place = Place(f"{out}/{TILES}/")
        self._prefix = self._place.prefix.above
        self.folder = work_folder(self._prefix)
        self.shelf: Shelf = StoreShelf(self._place.store, self._prefix)

    def check(self, wholes: Iterable[str]) -> None:
        """See `Home`."""
        for address in (self._prefix.at(name) for name in wholes):
            if self._place.store.job_of(address) == "":
                raise OutputError(f"{address}: exists and is not of this program; remove it, or choose another output")

    def alone(self) -> AbstractContextManager[None]:
        """See `Home`."""
        whole = self._prefix.at(f"{WHOLE}.vrt")
        return _patient(lambda: leased_object(self._place.store, whole, self._place.ahead), _WAIT_FAR_S)

    def finished(self) -> set[str]:
        """Those of tiles with an item, which is the last object of each."""
        there = self._place.store.names(self._place.prefix)
        items = {name.removesuffix(".json") for name in there if name.endswith(".json")}
        return {name for name in there if "_".join(name.partition(".")[0].split("_")[:2]) in items}

    def delivery(self, model: OpenModel, rasters: Rasters, *, stac: bool) -> Delivery | None:
        """See `Home`."""
        publisher = Publisher(self._place.shelf, model.card, model.sha256, cog=True)
        return Stored(publisher, rasters, self._place)

    def bring(self, wholes: Iterable[Path]) -> None:
        """See `Home`."""
        for path in wholes:
            self._place.store.upload(path, self._prefix.at(path.name), WHOLE)
            path.unlink()
        remove_empty(self.folder)


@contextmanager
def _patient(held: Callable[[], AbstractContextManager[object]], pause_s: float) -> Iterator[None]:
    """Holds an output, waiting while another process does."""
    while True:
        with ExitStack() as stack:
            try:
                stack.enter_context(held())
            except BusyError:
                time.sleep(pause_s)
                continue
            yield
            return
