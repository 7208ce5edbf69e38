"""Checks before any work that `smalti photos` would overwrite nothing but its own table and page."""

import os
import re
from pathlib import Path

from smalti.endings import ENDINGS
from smalti.errors import OptionError, OutputError
from smalti.files import check_place
from smalti.mapping import protect
from smalti.photos.listing import BESIDE, MARK, MOVIES, PhotoListing
from smalti.photos.tables import is_table
from smalti.photos.thumbs import thumbs_of

_PICTURE = re.compile(r"[0-9a-f]{32}(-full)?\.jpg")


def check_table(path: Path) -> None:
    """OutputError if the table would replace another file, or cannot be written there."""
    if path.suffix.lower() in ENDINGS | MOVIES | BESIDE:
        raise OutputError(
            f"{path}: is the name of a photo, movie or sidecar, not of a table; give a name that ends in .csv"
        )
    check_place(path, parents=True)
    if path.exists() and not is_table(path):
        raise OutputError(f"{path}: exists and is not a table of `smalti photos`; give another name")


def check_page(path: Path) -> None:
    """OutputError if the page or its pictures would replace or hide other files, or cannot be written there."""
    protect.check_page(path)
    pictures = thumbs_of(path)
    if pictures.is_dir() and not (pictures / MARK).exists() and (other := _other_than_pictures(pictures)):
        raise OutputError(f"{pictures}: contains {other}, but is the folder of the page's pictures; rename it")


def check_sidecars(listing: PhotoListing) -> None:
    """OutputError if a folder of photos does not allow sidecars to be written; reads no photo."""
    for folder in sorted({file.parent for shot in listing.shots for file in shot.files}):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(
                f"{folder}: permission denied, so --xmp cannot write sidecars there; omit it, or skip it by --exclude"
            )


def _other_than_pictures(folder: Path) -> str:
    """The first file name in a folder that is not a picture of a page; "" if there is none."""
    return next((name for name in sorted(path.name for path in folder.iterdir()) if not _PICTURE.fullmatch(name)), "")


def check_picks(place: Path, folder: Path) -> None:
    """OptionError if `place` is the folder of the photos itself, OutputError if it is not a folder."""
    if place.resolve() == folder.resolve():
        text = f"--copy-picks {place}: is the folder of the photos itself; give another one"
        raise OptionError(text, value=place)
    check_place(place / "file", parents=True)
