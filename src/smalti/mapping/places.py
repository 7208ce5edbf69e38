"""The scenes that a command line names, and the paths of their maps."""

import glob
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smalti.errors import RasterError, Warn, reason
from smalti.mapping.left_out import left_out, left_out_line
from smalti.mapping.source import Source
from smalti.raster.check import REFUSALS
from smalti.raster.files import quiet_open
from smalti.remote.address import is_store, parse_address

IMAGES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".webp", ".vrt", ".img", ".bmp", ".gif"})
"""File endings of images in a folder."""


def is_remote(scene: str) -> bool:
    """Whether a scene is a URL or a path of one of GDAL's virtual file systems."""
    return "://" in scene or scene.startswith("/vsi")


def scenes(name: str, warn: Warn) -> list[str]:
    """The file or URL of that name, or the files of a folder or glob, in order; RasterError if there are none.

    Finished maps in a folder do not count: the same command, given again, has the same scenes. Neither do labels;
    `warn` is called with one warning about all of them. A folder without images may be one dataset itself, such as a
    Zarr store.
    """
    if name.lstrip().startswith("<"):
        raise RasterError(
            f"{name.strip()[:20]}...: is the text of a virtual raster; write it to a file NAME.vrt and give its path"
        )
    path = Path(name)
    if is_remote(name) or path.is_file():
        return [name]
    if path.is_dir():
        found = _images(path)
        if not found and _is_dataset(name):
            return [name]
        what = f"no image in this folder (looked for {', '.join(sorted(IMAGES))})"
        if below := next((file.parent for file in sorted(path.glob("*/*")) if _is_image(file)), None):
            what += f"; give one below it, such as {below}"
    elif glob.has_magic(name):
        matches = glob.glob(name, recursive=True)  # noqa: PTH207  Path.glob takes no absolute pattern
        found = sorted(Path(file) for file in matches if Path(file).is_file())
        what = "no file matches"
    else:
        return [name]
    made = left_out(found)
    if not found:
        raise RasterError(f"{name}: {what}")
    if len(made) == len(found):
        raise RasterError(f"{name}: holds only maps or labels, such as {made[0].name}; name a file to map it anyway")
    if made:
        warn(left_out_line(name, made))
    hidden = set(made)
    return [str(file) for file in found if file not in hidden]


def _images(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if _is_image(file))
    except OSError as error:
        raise RasterError(f"{folder}: cannot be read: {reason(error)}; give a folder that may be read") from None


def _is_image(file: Path) -> bool:
    with suppress(OSError):  # of a folder that may be listed, but not entered
        return file.suffix.lower() in IMAGES and not file.name.startswith(".") and file.is_file()
    return False


def _is_dataset(folder: str) -> bool:
    with suppress(*REFUSALS), quiet_open(folder):
        return True
    return False


def outputs(found: Sequence[Source], out: str, into_folder: bool) -> list[Path]:
    """A map's path for each scene: `out` itself, or a file of the scene's name in the folder `out`.

    Scenes of the same name get their folder's name, or that of their collection, as a prefix.
    """
    if not into_folder:
        return [Path(out)]
    names = [source.stem or _stem(source.files[0]) for source in found]
    often = Counter(names)
    parents = map(_above, found)
    full = (f"{parent}_{name}" if often[name] > 1 else name for parent, name in zip(parents, names, strict=True))
    return [Path(out) / f"{name}.tif" for name in full]


def _above(source: Source) -> str:
    """The name of what holds a scene."""
    if source.item is not None and isinstance(collection := source.item.get("collection"), str):
        return _plain(collection)
    scene = source.files[0]
    return Path(_path(scene) if is_remote(scene) else scene).absolute().parent.name


def item_stem(item: Mapping[str, Any]) -> str:
    """The name of the map of an item of a catalogue: its id, as far as a file can have it."""
    return _plain(str(item["id"]))


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]", "_", text).lstrip(".") or "_"


def _stem(scene: str) -> str:
    if not is_remote(scene):
        return Path(scene).stem
    return re.sub(r'[<>:"|?*#]', "_", Path(_path(scene)).stem)  # what keys may have and names of files may not


def _path(scene: str) -> str:
    """The path of a URL; of an object all of its key, in which ? and # are letters like others."""
    if is_store(scene):
        return parse_address(scene).key
    if "://" not in scene:
        return scene
    parts = urlsplit(scene)
    return parts.path or parts.netloc  # of vrt://a.tif?bands=1 the file is where a server stands
