"""Counts that require all labels to be read, cached in the user's cache folder under a hash of what they depend on.

Nothing is written beside the data. Damaged entries and those of changed files are computed again; if the folder cannot
be written, everything is counted again at the next start.
"""

import hashlib
import io
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from smalti import __version__
from smalti.errors import OutputError
from smalti.files import deliver, user_cache
from smalti.raster.files import files_behind

Counts = NDArray[np.uint16]
Number = TypeVar("Number", bound=np.integer[Any])
PARTS = {".shp": (".dbf", ".shx", ".prj", ".cpg")}
"""Further files that belong to a format, by the suffix of its main file."""
WORLDS = (".wld", ".tfw", ".tifw", ".tiffw", ".pgw", ".pngw", ".jgw", ".jpgw", ".jpegw", ".bpw", ".bmpw")
"""World files, which say where a raster lies."""
BESIDE = (".msk", ".aux.xml")
"""What side-car files append to a raster's full name."""
UNREADABLE = (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error, MemoryError)


def stamp_files(*paths: Path) -> str:
    """Path, size and modification times of each file; empty if one of them is not a local file.

    Copying programs may set the modification time (mtime) themselves, but not the change time (ctime).
    """
    lines = []
    for path in paths:
        try:
            for file in files_of(path):
                state = file.stat()
                lines.append(f"{file.resolve()} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}")
        except OSError:
            return ""
    return "\n".join(lines)


def files_of(path: Path) -> list[Path]:
    """A file and those that are read with it; for a virtual raster all its sources."""
    ending = path.suffix.lower()
    if ending == ".vrt":
        return [path, *map(Path, files_behind([str(path)]))]
    beside = [path.with_suffix(each) for suffix in PARTS.get(ending, WORLDS) for each in (suffix, suffix.upper())]
    beside += [path.with_name(path.name + more) for more in BESIDE]
    return [path, *(file for file in beside if file.exists())]


def join_stamps(what: str, stamps: Sequence[str]) -> str:
    """One stamp for what is counted (`what`) in several scenes; empty if one of them has no stamp."""
    return "\n\n".join([f"{__version__} {what}", *stamps]) if all(stamps) else ""


def kept_counts(
    stamp: str, shape: tuple[int, int], count: Callable[[], NDArray[Number]], kind: type[Number]
) -> NDArray[Number]:
    """The result of `count` for the stamp, from the cache if it is there; without a stamp nothing is cached.

    The array has the given shape and the dtype `kind`; a cached array of another shape or dtype is ignored.
    """
    cache = user_cache()
    if not stamp or cache is None:
        return count()
    return _through(cache / "classes" / f"{hashlib.sha256(stamp.encode()).hexdigest()[:32]}.npz", shape, count, kind)


def _through(
    path: Path, shape: tuple[int, int], count: Callable[[], NDArray[Number]], kind: type[Number]
) -> NDArray[Number]:
    with suppress(*UNREADABLE), path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        found = file["counts"]
        if found.shape == shape and found.dtype == kind:
            return np.asarray(found, kind)
    counts = count()
    content = io.BytesIO()
    np.savez_compressed(content, counts=counts)
    with suppress(OutputError):
        deliver(path, content.getvalue())
    return counts
