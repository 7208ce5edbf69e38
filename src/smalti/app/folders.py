"""Where the app keeps what it has made and received."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from smalti.errors import OutputError
from smalti.files import guarded, user_data


@dataclass(frozen=True, slots=True)
class Folders:
    """The data folder of one server."""

    root: Path

    @property
    def database(self) -> Path:
        """Scenes and jobs."""
        return self.root / "app.sqlite"

    def scene(self, scene: str) -> Path:
        """The folder of an uploaded or fetched scene."""
        return self.root / "scenes" / scene

    def job(self, job: str) -> Path:
        """The folder of a job's results."""
        return self.root / "jobs" / job

    def lesson(self, lesson: str) -> Path:
        """The project folder of a lesson."""
        return self.root / "lessons" / lesson

    def models(self, owner: str) -> Path:
        """The models that this owner's lessons were saved as."""
        return self.root / "models" / sha256(owner.encode()).hexdigest()[:16]  # it may be called `..`

    @property
    def features(self) -> Path:
        """What networks computed of tiles; it can be deleted and is computed again."""
        return self.root / "features"

    def overviews(self, name: str) -> Path:
        """The virtual raster of a scene, or of a job's layer, beside which its overviews lie."""
        return self.root / "cache" / f"{name}.vrt"

    def stored(self, path: Path) -> str:
        """A path as the database keeps it: one in this folder stays right where the folder is moved."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def found(self, stored: str) -> Path:
        """The path of what the database keeps; former versions kept absolute paths only."""
        return self.root / stored

    def hide(self, text: str) -> str:
        """A message without the folders in which the server keeps a file: only its name is known outside."""
        return re.sub(re.escape(str(self.root)) + r"[/\\](?:[\w-]+[/\\])*", "", text)

    def make(self) -> None:
        """Makes all folders, for this user alone; OutputError where that is not allowed."""
        with guarded(self.root):
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in ("scenes", "sets", "jobs", "cache", "incoming", "lessons", "models", "features"):
                (self.root / name).mkdir(exist_ok=True, mode=0o700)


def default_root() -> Path:
    """The data folder of a user; OutputError for a user without a home."""
    own = user_data()
    if own is None:
        raise OutputError("this user has no home to keep scenes and maps in; give a folder: --data DIR")
    return own / "app"
