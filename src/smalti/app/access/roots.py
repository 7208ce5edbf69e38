"""Folders of the server's machine below which scenes may be opened."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from smalti.app.problems import ProblemError
from smalti.errors import reason, shown
from smalti.mapping.places import IMAGES

MOST_ENTRIES = 5000
"""Entries of a folder that are listed."""


@dataclass(frozen=True)
class Roots:
    """The allowed folders, with their links resolved."""

    folders: tuple[Path, ...]

    def find(self, path: str) -> Path:
        """The file or folder of a path, without links; ProblemError if it lies elsewhere or does not exist.

        What lies elsewhere and what does not exist get the same answer, so that nobody can ask what is there.
        """
        found = self._resolved(path)
        if found is None or not self.holds(found):
            where = ", ".join(map(str, self.folders)) or "none is allowed; start the server with --root DIR"
            raise ProblemError(404, f"{shown(path)[:200]}: there is no such file below the allowed folders: {where}")
        return found

    def holds(self, path: Path) -> bool:
        """Whether an absolute path without links lies below an allowed folder."""
        return any(path.is_relative_to(folder) for folder in self.folders)

    def _resolved(self, path: str) -> Path | None:
        if not path or not path.isprintable() or path.startswith("/vsi") or "://" in path:
            return None
        try:
            given = Path(path)
            if not given.is_absolute() or ".." in given.parts:
                return None
            return given.resolve(strict=True)
        except (OSError, ValueError):
            return None


def resolved(roots: Sequence[Path]) -> Roots:
    """The allowed folders; those that do not exist are refused by the command line."""
    return Roots(tuple(root.resolve() for root in roots))


def entries(folder: Path, roots: Roots) -> Iterator[tuple[Path, bool]]:
    """Folders and images of a folder below the roots, by name: path, and whether it is a folder.

    ProblemError for a folder that cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            names = sorted(
                (entry.name for entry in found if entry.name.isprintable() and not entry.name.startswith(".")),
                key=str.casefold,
            )
    except OSError as error:
        text = f"{shown(folder.name)[:200]}: cannot be read: {reason(error)}; give a folder that the server may read"
        raise ProblemError(422, text) from None
    for name in names[:MOST_ENTRIES]:
        path = folder / name
        try:
            real = path.resolve(strict=True)
            is_folder, is_file = real.is_dir(), real.is_file()
        except OSError:
            continue
        if roots.holds(real) and (is_folder or (is_file and path.suffix.lower() in IMAGES)):
            yield path, is_folder
