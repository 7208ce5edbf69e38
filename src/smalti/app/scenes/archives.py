"""Images in an uploaded .zip: unpacked one by one, and counted while they are."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from smalti.app.access.names import is_plain
from smalti.app.limits import Limits
from smalti.app.problems import ProblemError
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


class Archive:
    """The images of an opened archive; folders, links, hidden files and what is no image are skipped."""

    def __init__(self, opened: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> None:
        self._opened, self._members = opened, members

    @property
    def names(self) -> list[str]:
        """The images, with their folders."""
        return list(self._members)

    @property
    def bytes(self) -> int:
        """Of all images when they are unpacked."""
        return sum(info.file_size for info in self._members.values())

    @contextmanager
    def unpacked(self, name: str, folder: Path) -> Iterator[Path]:
        """An image as a file within the block; ProblemError for a damaged one."""
        info = self._members[name]
        target = folder / PurePosixPath(name).name
        try:
            with _explained(target.name):
                _write(self._opened, info, target)
            yield target
        finally:
            target.unlink(missing_ok=True)


@contextmanager
def open_archive(archive: Path, limits: Limits) -> Iterator[Archive]:
    """An archive; ProblemError for a bomb, a damaged archive, or one without images."""
    with ExitStack() as stack:
        with _explained(archive.name):
            opened = stack.enter_context(zipfile.ZipFile(archive))
        members = {info.filename: info for info in opened.infolist() if _is_image(info)}
        _check(archive, list(members.values()), limits)
        yield Archive(opened, members)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ProblemError(422, f"{name}: cannot be unpacked: {str(error)[:100]}; pack it again", code=3) from None


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
