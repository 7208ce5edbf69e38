"""Counts that cost the reading of all labels, kept in the user's cache folder under a name made of what decides them.

Nothing is written beside the data. What is damaged is made anew, and so is what belongs to files that have changed;
where the folder cannot be written, counting costs its time again at the next start.
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
"""Further files of a format whose name tells only the first."""
WORLDS = (".wld", ".tfw", ".tifw", ".tiffw", ".pgw", ".pngw", ".jgw", ".jpgw", ".jpegw", ".bpw", ".bmpw")
"""World files, which say where a raster lies."""
BESIDE = (".msk", ".aux.xml")
"""What side-cars add to a raster's whole name."""
UNREADABLE = (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error, MemoryError)


def stamp_files(*paths: Path) -> str:
    """Path, size and times of the last change of each file; empty if one of them is not a file of this machine.

    Programs that copy set the time of the content themselves, but not that of the entry.
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
    """A file and those that are read with it: of a virtual raster all that it is made of."""
    ending = path.suffix.lower()
    if ending == ".vrt":
        return [path, *map(Path, files_behind([str(path)]))]
    beside = [path.with_suffix(each) for suffix in PARTS.get(ending, WORLDS) for each in (suffix, suffix.upper())]
    beside += [path.with_name(path.name + more) for more in BESIDE]
    return [path, *(file for file in beside if file.exists())]


def join_stamps(what: str, stamps: Sequence[str]) -> str:
    """One stamp for `what` is counted in several scenes; empty where one of them has none."""
    return "\n\n".join([f"{__version__} {what}", *stamps]) if all(stamps) else ""


def kept_counts(
    stamp: str, shape: tuple[int, int], count: Callable[[], NDArray[Number]], kind: type[Number]
) -> NDArray[Number]:
    """What `count` gives for the stamp, from the cache if it is there; without a stamp nothing is kept.

    The array has the shape and the type `kind`; what is in the cache otherwise is counted anew.
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
