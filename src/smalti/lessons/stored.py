"""The maps of tiles, kept on disk up to a size, so that the network runs once per tile."""

import threading
from collections import OrderedDict
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Pixels
from smalti.lessons.network import Maps, TeachableNetwork
from smalti.runtime.models import ModelFile

_FARTHEST = float(np.finfo(np.float16).max)


class TileStore:
    """A folder of maps by name, of which those that were not used for longest are removed. For one process."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most = folder, most_bytes
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted((file.stat().st_mtime, file.name, file.stat().st_size) for file in folder.iterdir())
        self._sizes = OrderedDict((name, size) for _, name, size in found)
        self.bytes = sum(self._sizes.values())

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._sizes

    def get(self, name: str) -> Maps | None:
        """The maps of that name; None if there are none, or their file is damaged."""
        with self._lock:
            if name not in self._sizes:
                return None
            self._sizes.move_to_end(name)
        try:
            with (self._folder / name).open("rb") as file:
                count = int(_array(file))
                logits, *maps = (_array(file).astype(np.float32, copy=False) for _ in range(count))
        except (OSError, ValueError, TypeError, EOFError):
            self._forget(name)
            return None
        return Maps(logits, tuple(maps))

    def put(self, name: str, maps: Maps) -> Maps:
        """Keeps maps, in half precision; returns them as `get` does. A full disk keeps none."""
        halves = [np.clip(each, -_FARTHEST, _FARTHEST).astype(np.float16) for each in maps.maps]
        with suppress(OSError):
            self._write(name, [maps.logits.astype(np.float32), *halves])
        return Maps(maps.logits, tuple(each.astype(np.float32) for each in halves))

    def _write(self, name: str, arrays: list[NDArray[np.generic]]) -> None:
        unfinished = self._folder / f"{name}.{threading.get_ident()}"
        try:
            with unfinished.open("wb") as file:
                for each in (np.array(len(arrays)), *arrays):
                    np.save(file, each, allow_pickle=False)
                size = file.tell()
            Path(unfinished).replace(self._folder / name)
        finally:
            unfinished.unlink(missing_ok=True)
        with self._lock:
            self.bytes += size - self._sizes.pop(name, 0)
            self._sizes[name] = size
            while self.bytes > self._most and len(self._sizes) > 1:
                oldest, freed = self._sizes.popitem(last=False)
                self.bytes -= freed
                (self._folder / oldest).unlink(missing_ok=True)

    def _forget(self, name: str) -> None:
        with self._lock:
            self.bytes -= self._sizes.pop(name, 0)
            (self._folder / name).unlink(missing_ok=True)


def _array(file: BinaryIO) -> NDArray[Any]:
    """The next array of an open file."""
    found: NDArray[Any] = np.load(file, allow_pickle=False)
    return found


class StoredNetwork(TeachableNetwork):
    """A network that keeps its maps by the pixels that it has seen."""

    def __init__(self, model: ModelFile, store: TileStore, threads: int | None = None) -> None:
        """ModelError for a graph that cannot be taught."""
        self._store = store
        super().__init__(model, threads)

    def name_of(self, image: Pixels) -> str:
        """The name under which the maps of a tile are kept."""
        digest = blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16, key=self.model.sha256[:64].encode())
        return f"{digest.hexdigest()}-{len(self._names)}x{image.shape[1]}x{image.shape[2]}"

    def stored(self, name: str) -> Maps | None:
        """The maps of a tile that was seen before; None if they are not kept."""
        return self._store.get(name)

    def __call__(self, image: Pixels) -> Maps:
        """Raw pixels C,H,W of a tile whose sides are multiples of the card's stride."""
        name = self.name_of(image)
        found = self._store.get(name)
        return self._store.put(name, super().__call__(image)) if found is None else found
