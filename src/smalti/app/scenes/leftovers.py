"""What a killed server had received or made and not registered: nobody sees it, but it takes space."""

import shutil
from pathlib import Path

from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.scenes.sets import is_image


def leftovers(folders: Folders) -> list[Path]:
    """Folders of scenes and jobs, and images of sets, that are not registered: left, or about to be registered."""
    found = [(path, path.name) for kind in ("scenes", "jobs") for path in (folders.root / kind).iterdir()]
    found += [(path, str(path)) for path in (folders.root / "sets").glob("*/*/*") if is_image(path.name)]
    with Database(folders.database).connect() as rows:
        known = {str(row["id"]) for row in rows.execute("SELECT id FROM scenes UNION SELECT id FROM jobs")}
        known |= {str(row["path"]) for row in rows.execute("SELECT path FROM scenes")}
    return [path for path, name in found if name not in known]


def remove(paths: list[Path]) -> None:
    """Removes files and folders."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
