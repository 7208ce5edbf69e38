"""The files below a folder, found by the patterns of a dataset, wherever the archives were unpacked."""

import os
import re
import unicodedata
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path

from smalti.errors import DataError

SYSTEM = frozenset({"__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information"})
"""Folders that operating systems create beside the user's, with copies and parts of the files there."""
LABEL_ENDING = re.compile(r"[._-](classes|class|labels?|masks?|gt|truth|annotations?|target)$", re.IGNORECASE)
"""How the stems of labels beside their image end."""
IMAGE_ENDING = re.compile(r"[._-](image|img|sat|rgb)$", re.IGNORECASE)
OTHER_ENDING = re.compile(
    r"(^|[._-])(height|buildings|preview|map|confidence|uncertainty|probabilities)$", re.IGNORECASE
)
"""What `smalti draw` and `smalti map` write beside a scene, besides its classes."""
FIELD = re.compile(r"\{(id|padded|folder|stem)\}")


def is_of_the_system(path: Path) -> bool:
    """Whether a path (relative to what the user gave) is hidden, or in a folder that the system created."""
    return any(part.startswith(".") or part.casefold() in SYSTEM for part in path.parts)


def files_below(folder: Path) -> list[Path]:
    """All files below a folder, sorted, also those that links to folders lead to: large sets lie on several disks.
    Links back to a folder that they lie in are not followed."""
    found: list[Path] = []
    for home, folders, names in os.walk(folder, followlinks=True):
        here = Path(home)
        folders[:] = [name for name in folders if not _leads_back(here / name, folder)]
        found += [here / name for name in names]
    return sorted(found)


def _leads_back(path: Path, root: Path) -> bool:
    """Whether a link to a folder leads to one that it was reached through."""
    if not path.is_symlink():
        return False
    target, depth = path.resolve(), len(path.relative_to(root).parts)
    return any(home.resolve().is_relative_to(target) for home in list(path.parents)[:depth])


def one_form(name: str) -> str:
    """A name in Unicode's NFC form: systems write an accent as part of its letter, or after it."""
    return unicodedata.normalize("NFC", name)


def file_called(folder: Path, name: str) -> Path:
    """The file of that name, in whichever Unicode form its name is stored."""
    path = folder / name
    if name.isascii() or path.exists():
        return path
    others = (folder / unicodedata.normalize("NFC", name), folder / unicodedata.normalize("NFD", name))
    return next((other for other in others if other.exists()), path)


class Folder:
    """All files below a folder but those of the system; patterns are matched with the ends of their paths, without case
    and spaces."""

    def __init__(self, root: Path) -> None:
        """Lists the files; DataError if there is no such folder."""
        if not root.is_dir():
            raise DataError(f"{root}: no such folder; expected the folder of a downloaded dataset")
        self.root = root
        found = (path.relative_to(root) for path in files_below(root))
        self.files = {plain(path.as_posix()): path for path in found if not is_of_the_system(path)}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for key in self.files:
            self._by_name[key.rpartition("/")[2]].append(key)

    def find(self, patterns: tuple[str, ...], image: str) -> Path | None:
        """The file (relative to the root) of an image by the first pattern that has one, or None."""
        for pattern in patterns:
            *homes, name = plain(fill(pattern, image)).split("/")
            for key in self._by_name.get(name, ()):
                if _ends(key.split("/")[:-1], homes):
                    return self.files[key]
        return None

    def images(self, patterns: tuple[str, ...], folder: str) -> list[str]:
        """Ids `FOLDER/STEM` of all files that fit one of the patterns with that folder, sorted; stems without case."""
        stems: set[str] = set()
        for pattern in patterns:
            *homes, name = plain(pattern.replace("{folder}", folder)).split("/")
            before, _, after = name.partition("{stem}")
            for key in self.files:
                *own, file = key.split("/")
                if file.startswith(before) and file.endswith(after) and _ends(own, homes):
                    stems.add(file[len(before) : len(file) - len(after)])
        return [f"{folder}/{stem}" if folder else stem for stem in sorted(stems, key=natural)]

    def others(self, used: set[Path], patterns: tuple[str, ...]) -> list[Path]:
        """Files that are not in `used` and fit none of the patterns."""
        wanted = [plain(pattern).split("/") for pattern in patterns]
        return [
            path
            for key, path in self.files.items()
            if path not in used and not any(_ends(key.split("/"), pattern) for pattern in wanted)
        ]


def plain(path: str) -> str:
    """A path without case and spaces, in one form of Unicode: archives are unpacked in many ways."""
    return one_form(path).casefold().replace(" ", "")


def fill(pattern: str, image: str) -> str:
    """A pattern with the parts of an image's id."""
    folder, _, stem = image.rpartition("/")
    padded = re.sub(r"\d+", lambda digits: digits[0].zfill(2), image)
    parts = {"id": image, "padded": padded, "folder": folder, "stem": stem}
    return FIELD.sub(lambda found: parts[found[1]], pattern)


def natural(text: str) -> list[tuple[int, str]]:
    """A key that sorts numbers inside a text by their value."""
    return [(int(part or 0), other) for other, part in re.findall(r"(\D*)(\d*)", text)]


def _ends(parts: list[str], patterns: list[str]) -> bool:
    """Whether the last parts of a path fit the patterns one by one."""
    return len(parts) >= len(patterns) and all(
        fnmatchcase(part, pattern) for part, pattern in zip(parts[len(parts) - len(patterns) :], patterns, strict=True)
    )
