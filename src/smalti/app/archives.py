"""Images in an uploaded .zip: unpacked one by one, and counted while they are."""

import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from smalti.app.limits import Limits
from smalti.app.names import is_plain
from smalti.app.problems import ProblemError
from smalti.app.quota import Taken
from smalti.mapping.places import IMAGES

_MOST_RATIO = 300
"""Unpacked bytes per packed byte; deflate reaches 1,032 on nothing but zeros."""
_SURE = 16 * 2**20
"""Bytes up to which a file may have any ratio."""
_CHUNK = 2**20


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, by how it begins."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(archive: Path, folder: Path, limits: Limits, taken: Taken) -> Iterator[Path]:
    """The images of an archive, each in `folder` until the next one; ProblemError for a bomb or a damaged archive.

    Folders, links, hidden files and what is no image are skipped; the bytes of all are taken before the first one,
    and given back one by one.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if _is_image(info)]
            _check(archive, members, limits)
            taken.add(sum(info.file_size for info in members))
            for info in members:
                target = folder / PurePosixPath(info.filename).name
                _write(opened, info, target)
                yield target
                taken.drop(info.file_size)
                target.unlink(missing_ok=True)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ProblemError(422, f"{archive.name}: cannot be unpacked: {str(error)[:100]}; pack it again") from None


def _is_image(info: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(info.filename).name
    kind = stat.S_IFMT(info.external_attr >> 16)
    image = PurePosixPath(name).suffix.lower() in IMAGES - {".vrt"}
    return not info.is_dir() and image and is_plain(name) and kind in (0, stat.S_IFREG)


def _check(archive: Path, members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if not members:
        raise ProblemError(422, f"{archive.name}: holds no image; expected {', '.join(sorted(IMAGES - {'.vrt'}))}")
    if len(members) > limits.archive_files:
        raise ProblemError(
            413, f"{archive.name}: holds {len(members)} images, at most {limits.archive_files}; split it"
        )
    for info in members:
        if info.file_size > _SURE and info.file_size > _MOST_RATIO * info.compress_size:
            raise ProblemError(413, f"{archive.name}: a file in it unpacks to {info.file_size:,} bytes; give the image")


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Writes one file; zipfile itself stops at the size that was declared, which was checked."""
    with opened.open(info) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)
