"""Which images of a folder are not scenes: finished maps, and labels or heights of a scene beside them."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from smalti.datasets.folder import IMAGE_ENDING, LABEL_ENDING, OTHER_ENDING, one_form
from smalti.errors import SceneWarning
from smalti.raster.check import REFUSALS
from smalti.raster.files import quiet_open
from smalti.raster.mark import PRODUCT_TAG, read_mark
from smalti.text import some

_NAMED_AT_ONCE = 3
_CLASS_TAG = re.compile(r"CLASS_\d+")
_TAGGED = (".tif", ".tiff")
"""Endings of files that can have such tags."""


def left_out(files: Sequence[Path]) -> list[Path]:
    """Those of the files that are maps or labels, by their tags, or else by being named after another file."""
    plain = [(file.parent, one_form(file.stem)) for file in files]
    stems = {*plain, *((folder, IMAGE_ENDING.sub("", stem)) for folder, stem in plain)}
    return [file for file in files if _named_after(file, stems) or _is_made(file)]


def left_out_line(where: str, files: Sequence[Path]) -> SceneWarning:
    """The warning about files that are not mapped."""
    names = some([file.name for file in files], _NAMED_AT_ONCE)
    return SceneWarning(f"{where}: skipped, as they are maps, labels or heights, not scenes: {names}")


def _named_after(file: Path, stems: set[tuple[Path, str]]) -> bool:
    """Whether a file is called like another one, with `_classes`, `_height` or the like."""
    stem = one_form(file.stem)
    return any(
        (file.parent, plain) in stems for e in (LABEL_ENDING, OTHER_ENDING) if (plain := e.sub("", stem)) != stem
    )


def _is_made(file: Path) -> bool:
    """Whether a file has the mark of a finished map, or tags that only maps and class rasters have."""
    if read_mark(file) is not None:
        return True
    if file.suffix.lower() in _TAGGED:
        with suppress(*REFUSALS), quiet_open(str(file)) as raster:
            return PRODUCT_TAG in raster.tags() or any(
                _CLASS_TAG.fullmatch(key) for i in raster.indexes[:1] for key in raster.tags(i)
            )
    return False
