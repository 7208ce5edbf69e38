"""Files that arrive: received to the disk, counted while they stream, and registered as scenes."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

from smalti.app.access.names import checked_name
from smalti.app.access.quota import Quota, Taken
from smalti.app.folders import Folders
from smalti.app.limits import Limits
from smalti.app.problems import ProblemError
from smalti.app.scenes.adding import add_each
from smalti.app.scenes.archives import is_archive, open_archive
from smalti.app.scenes.formats import check_content
from smalti.app.scenes.leftovers import leftovers, remove
from smalti.app.scenes.sets import bytes_beside, is_image, is_kept, set_folder
from smalti.app.scenes.table import Scenes
from smalti.app.schemas import Added, Scene, Source
from smalti.errors import BusyError
from smalti.files import guarded
from smalti.lock import hold

_BLOCK = 4 * 2**20


class Uploads:
    """Receives files, a bounded number at once."""

    def __init__(self, folders: Folders, limits: Limits, scenes: Scenes) -> None:
        self._folders, self._limits, self._scenes = folders, limits, scenes
        self._places = asyncio.Semaphore(limits.uploads)
        self._waiting = 0
        self._quota = Quota(limits, lambda owner: scenes.bytes_of(owner) + bytes_beside(folders, owner))
        self._incoming = folders.root / "incoming" / secrets.token_hex(8)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Receives within the block; servers of one data folder have a folder each for what is not complete."""
        left = leftovers(self._folders)  # listed first: a server that starts meanwhile registers none of these
        if _clear(self._incoming.parent):
            remove(left)
        with hold(self._incoming):
            with guarded(self._incoming):
                self._incoming.mkdir(mode=0o700)
            try:
                yield
            finally:
                shutil.rmtree(self._incoming, ignore_errors=True)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a place; ProblemError where too many wait."""
        if self._places.locked() and self._waiting >= self._limits.waiting:
            raise ProblemError(429, f"{self._waiting} uploads wait already; send it again later", wait=10)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    def check(self, owner: str, name: str, length: int | None) -> None:
        """ProblemError for a name or a declared length that cannot be accepted, before anything is received."""
        checked_name(name)
        if length is not None:
            self._quota.check(owner, name, length, length)

    async def received(
        self, owner: str, name: str, parts: AsyncIterator[bytes], together: str | None
    ) -> Scene | Added | None:
        """The scene of a file that arrives, or those of a .zip; ProblemError beyond the limits.

        With `together` it goes into the set of that name; None for what is no image.
        """
        path = self._incoming / secrets.token_hex(8)
        with self._quota.taking(owner, name) as taken:
            try:
                await _write(path, name, parts, taken)
                return await asyncio.to_thread(self._register, owner, name, path, together)
            finally:
                path.unlink(missing_ok=True)

    def fetched(self, owner: str, name: str, parts: Iterator[bytes]) -> Scene:
        """Registers what is fetched from another host."""
        path = self._incoming / secrets.token_hex(8)
        with self._quota.taking(owner, name) as taken:
            try:
                with guarded(Path(name)), path.open("wb") as file:
                    for part in parts:
                        taken.add(len(part))
                        file.write(part)
                return self._move(owner, name, path, "url")
            finally:
                path.unlink(missing_ok=True)

    def _register(self, owner: str, name: str, path: Path, together: str | None) -> Scene | Added | None:
        if together is not None:
            return self._joined(owner, name, path, together)
        if is_archive(path):
            return self._unpacked(owner, name, path)
        return self._move(owner, name, path, "upload")

    def _joined(self, owner: str, name: str, path: Path, together: str) -> Scene | None:
        folder = set_folder(self._folders, owner, together)
        target = folder / name
        if not is_image(name) and not is_kept(name, path.stat().st_size):
            raise ProblemError(422, f"{name}: is neither an image, nor a photo, nor a small world file; leave it out")
        if is_image(name):
            check_content(path, name)
        with guarded(target):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                target.touch(exist_ok=False)
                path.replace(target)
            except FileExistsError:
                raise ProblemError(409, f"{name}: the set has a file of that name already; rename one") from None
        if not is_image(name):
            return None
        try:
            return self._scenes.add(owner, target, "upload")
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _unpacked(self, owner: str, name: str, path: Path) -> Added:
        with (
            _named(path, name) as packed,
            _folder(packed.with_name(f"{path.name}.unpacked")) as folder,
            open_archive(packed, self._limits) as archive,
            self._quota.taking(owner, name) as taken,
        ):
            taken.add(archive.bytes)

            def add(image: str) -> Scene:
                with archive.unpacked(image, folder) as file:
                    return self._move(owner, file.name, file, "upload")

            return add_each(archive.names, add, self._folders.hide)

    def _move(self, owner: str, name: str, path: Path, source: Source) -> Scene:
        """A file becomes a scene of its own folder, in which nothing else lies that GDAL could take for its own."""
        scene = secrets.token_hex(8)
        folder = self._folders.scene(scene)
        with guarded(folder):
            folder.mkdir(mode=0o700)
        try:
            with guarded(folder):
                target = path.replace(folder / checked_name(name))
            check_content(target)
            return self._scenes.add(owner, target, source, scene)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


async def _write(path: Path, name: str, parts: AsyncIterator[bytes], taken: Taken) -> None:
    """Writes what arrives to the disk; ProblemError beyond the limits, or for nothing."""
    mine = bytearray()
    with guarded(Path(name)), path.open("wb") as file:
        async for part in parts:
            mine += part
            if len(mine) >= _BLOCK:
                await asyncio.to_thread(_append, file, mine, taken)
        await asyncio.to_thread(_append, file, mine, taken)
    if not taken.count:
        raise ProblemError(422, f"{name}: is empty; expected an image")


def _append(file: BinaryIO, part: bytearray, taken: Taken) -> None:
    taken.add(len(part))
    file.write(part)
    part.clear()


@contextmanager
def _named(path: Path, name: str) -> Iterator[Path]:
    """A received archive under the name that messages use."""
    folder = path.with_name(f"{path.name}.zip")
    with guarded(folder):
        folder.mkdir()
    try:
        yield path.replace(folder / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    with guarded(path):
        path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _clear(incoming: Path) -> bool:
    """Removes what killed servers had received in part; whether no other one lives, whose folder would be locked."""
    alone = True
    for left in filter(Path.is_dir, list(incoming.iterdir())):
        try:
            with hold(left):
                shutil.rmtree(left, ignore_errors=True)
        except BusyError:
            alone = False
    return alone
