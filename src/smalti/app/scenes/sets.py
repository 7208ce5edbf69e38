"""Files that were uploaded together: images with their world files, or the photos of a series, in one folder.

Only what cannot lead GDAL elsewhere is kept beside an image: overviews, masks and `.aux.xml` may name other files.
"""

import hashlib
import re
import shutil
from pathlib import Path

from smalti.app.folders import Folders
from smalti.app.problems import ProblemError
from smalti.app.schemas import SET
from smalti.endings import ENDINGS
from smalti.mapping.places import IMAGES
from smalti.raster.files import world_endings

PHOTOS = ENDINGS | {".xmp"}
_SMALL = 64 * 1024
_BESIDE = {".wld", ".prj", *(ending for image in IMAGES for ending in world_endings(image))}


def set_folder(folders: Folders, owner: str, name: str) -> Path:
    """The folder of an owner's set, which need not exist; ProblemError for a name that is none."""
    if not re.match(SET, name):
        raise ProblemError(422, "the name of a set is 1 to 64 letters, digits, - and _; choose another one")
    return owner_folder(folders, owner) / name


def owner_folder(folders: Folders, owner: str) -> Path:
    """The folder of all sets of an owner."""
    return folders.root / "sets" / hashlib.sha256(owner.encode()).hexdigest()[:16]


def is_set(folder: Path) -> bool:
    """Whether the folder of an upload is that of a set."""
    return folder.parts[-3:-2] == ("sets",) and folder.parts[-2] != "scenes"  # the data folder may be called `sets`


def is_image(name: str) -> bool:
    """Whether a file becomes a scene."""
    return Path(name).suffix.lower() in IMAGES - {".vrt"}


def is_kept(name: str, size: int) -> bool:
    """Whether a file that is no image is kept beside images."""
    ending = Path(name).suffix.lower()
    return ending in PHOTOS or (ending in _BESIDE and size <= _SMALL)


def drop_rest(folder: Path) -> None:
    """Removes a set of which only world files and the like are left: nobody can see or remove them."""
    if not any(is_image(file.name) or file.suffix.lower() in PHOTOS for file in folder.glob("*")):
        shutil.rmtree(folder, ignore_errors=True)


def bytes_beside(folders: Folders, owner: str) -> int:
    """The bytes of an owner's files in sets that are no images."""
    files = owner_folder(folders, owner).glob("*/*")
    return sum(file.stat().st_size for file in files if not is_image(file.name) and file.is_file())
