"""Which scenes a command line names, and where their maps go."""

import glob
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smalti.errors import OutputError, RasterError

IMAGES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".webp", ".vrt", ".img", ".bmp", ".gif"})
"""File endings that are taken from a folder."""


def is_remote(scene: str) -> bool:
    """Whether a scene is a URL or a path of one of GDAL's virtual file systems."""
    return "://" in scene or scene.startswith("/vsi")


def scenes(name: str) -> list[str]:
    """The file or URL of that name, or what the folder or glob holds, in order; RasterError if it holds nothing."""
    path = Path(name)
    if is_remote(name) or path.is_file():
        return [name]
    if path.is_dir():
        found = sorted(str(file) for file in path.iterdir() if _is_image(file))
        what = f"no image in this folder (looked for {', '.join(sorted(IMAGES))})"
    elif glob.has_magic(name):
        matches = glob.glob(name, recursive=True)  # noqa: PTH207  Path.glob takes no absolute pattern
        found = sorted(file for file in matches if Path(file).is_file())
        what = "no file matches"
    else:
        return [name]
    if not found:
        raise RasterError(f"{name}: {what}")
    return found


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGES and not file.name.startswith(".") and file.is_file()


def outputs(found: Sequence[str], out: str, into_folder: bool) -> list[Path]:
    """A map's path for each scene: `out` itself, or a file of the scene's name in the folder `out`.

    Scenes of the same name take their folder's name in front. OutputError if two maps would still be one file.
    """
    if not into_folder:
        paths = [Path(out)]
    else:
        names = [_stem(scene) for scene in found]
        often = Counter(names)
        parents = (Path(urlsplit(s).path if is_remote(s) else s).absolute().parent.name for s in found)
        full = (f"{parent}_{name}" if often[name] > 1 else name for parent, name in zip(parents, names, strict=True))
        paths = [Path(out) / f"{name}.tif" for name in full]
    refuse_twice(paths)
    return paths


def refuse_twice(paths: Sequence[Path]) -> None:
    """OutputError if two maps of different scenes would be one file."""
    twice = [str(path) for path, n in Counter(paths).items() if n > 1]
    if twice:
        raise OutputError(f"{twice[0]}: two scenes would be mapped into it; map them in two calls")


def refuse_to_replace(scene_files: Sequence[str], path: Path) -> None:
    """OutputError if a map's path is one of its own scene's files."""
    if any(Path(file).exists() and path.exists() and path.samefile(file) for file in scene_files):
        raise OutputError(f"{path}: the map would replace its own scene; choose another output")


def _stem(scene: str) -> str:
    return Path(urlsplit(scene).path if is_remote(scene) else scene).stem


def identity(paths: Sequence[str]) -> list[list[Any]]:
    """What tells whether files are still the same ones: path, size and time of change; of a URL only itself."""
    found: list[list[Any]] = []
    for path in paths:
        if is_remote(path) or not Path(path).exists():
            found.append([path])
        else:
            stat = Path(path).stat()
            found.append([str(Path(path).resolve()), stat.st_size, stat.st_mtime_ns])
    return found
