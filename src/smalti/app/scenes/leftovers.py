"""What a killed server had received or made and not registered: nobody sees it, but it takes space."""

import shutil
from pathlib import Path

from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.scenes.sets import is_image, is_set


def leftovers(folders: Folders) -> list[Path]:
    """Folders of scenes and jobs, and images of sets, that are not registered: left, or about to be registered."""
    found = [(path, path.name) for kind in ("scenes", "jobs") for path in (folders.root / kind).iterdir()]
    sets = [path for path in (folders.root / "sets").glob("*/*/*") if is_image(path.name)]
    with Database(folders.database).connect() as rows:
        known = {str(row["id"]) for row in rows.execute("SELECT id FROM scenes UNION SELECT id FROM jobs")}
    images = registered(folders)
    left = [path for path, name in found if name not in known]
    if images is None:
        return left
    return left + [path for path in sets if path not in images]


def registered(folders: Folders) -> set[Path] | None:
    """The files of all scenes; None where nobody knows which of the sets these are."""
    with Database(folders.database).connect() as rows:
        found = [(folders.found(row[0]), row[1]) for row in rows.execute("SELECT path, source = 'upload' FROM scenes")]
    uploads = {path.resolve() for path, own in found if own}
    if any(is_elsewhere(path.parent, folders) for path in uploads):
        return None
    return uploads | {path for path, own in found if not own}  # users' disks may be slow to ask, and have no links


def is_elsewhere(folder: Path, folders: Folders) -> bool:
    """Whether this is a set of a data folder that was moved or copied: former versions kept absolute paths."""
    return is_set(folder) and not folder.is_relative_to(folders.root)


def remove(paths: list[Path]) -> None:
    """Removes files and folders."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
