"""The mark by which a finished raster is recognised: the job that made it, its size and its digest.

It is stored in GDAL's side-car OUT.tif.aux.xml, whose other entries programs may change.
"""

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path
from typing import Literal

from smalti.files import beside, guarded, write_whole
from smalti.raster.check import REFUSALS
from smalti.raster.files import quiet_open

PRODUCT_TAG = "SMALTI_PRODUCT"
"""A tag inside each raster that is written here; drawn scenes and their ground truth have none."""
_HEAD = '<MDI key="SMALTI_JOB">'
State = Literal["missing", "finished", "changed", "unreadable", "other job", "unmarked", "foreign"]


@dataclass(frozen=True, slots=True)
class Mark:
    """The state of a raster when it was finished."""

    job: str
    size: int
    """Bytes."""
    sha256: str

    def entries(self) -> str:
        """The mark as entries of a side-car's metadata."""
        pairs = (("JOB", self.job), ("SIZE", self.size), ("SHA256", self.sha256))
        return "".join(f'<MDI key="SMALTI_{key}">{value}</MDI>' for key, value in pairs)


def mark_of(raster: Path, job: str) -> Mark:
    """The mark of a finished file."""
    with raster.open("rb") as file:
        return Mark(job, raster.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def read_mark(output: Path) -> Mark | None:
    """The mark beside a raster, or None if there is none; rasters of earlier versions have only a job."""
    try:
        text = beside(output, "aux.xml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = dict(re.findall(r'<MDI key="SMALTI_(JOB|SIZE|SHA256)">([^<]*)<', text))
    if "JOB" not in found:
        return None
    size = found.get("SIZE", "")
    return Mark(found["JOB"], int(size) if size.isdecimal() else -1, found.get("SHA256", ""))


def note(output: Path, name: str, value: str) -> None:
    """Adds an entry to the mark beside a raster, in place of one of that name; OutputError if it cannot be written.

    It vanishes with the mark: when the raster is made again.
    """
    car = beside(output, "aux.xml")
    with guarded(car):
        text = car.read_text(encoding="utf-8", errors="replace")
    text = re.sub(f"{re.escape(_note_head(name))}[^<]*</MDI>", "", text)
    write_whole(car, text.replace(_HEAD, f"{_note_head(name)}{escape(value)}</MDI>{_HEAD}", 1).encode())


def noted(output: Path, name: str) -> str | None:
    """The entry of that name; None if there is none."""
    try:
        text = beside(output, "aux.xml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(f"{re.escape(_note_head(name))}([^<]*)<", text)
    return unescape(found[1]) if found else None


def _note_head(name: str) -> str:
    return f'<MDI key="SMALTI_NOTE {escape(name)}">'


def state(output: Path, job: str) -> State:
    """What exists at an output's path.

    `finished`: what this job wrote, byte for byte. `other job`: what another one wrote, unchanged as far as
    known. `changed` and `unreadable`: no longer what was written. `unmarked`: written here, but without its mark: its
    job was killed at the very end, or a program has changed it. `foreign`: not written by Smalti.
    """
    if not output.exists():
        return "missing"
    mark = read_mark(output)
    if mark is None:
        return "unmarked" if _is_tagged(output) else "foreign"
    if mark.sha256 and mark_of(output, mark.job) != mark:
        return "changed" if _is_readable(output) else "unreadable"
    return "finished" if mark.job == job and mark.sha256 else "other job"


def _is_tagged(path: Path) -> bool:
    with suppress(*REFUSALS), quiet_open(str(path)) as file:
        return PRODUCT_TAG in file.tags()
    return False


def _is_readable(path: Path) -> bool:
    """Whether all pixels can be read."""
    with suppress(*REFUSALS), quiet_open(str(path)) as file:
        for _, window in file.block_windows(1):
            file.read(window=window)
        return True
    return False
