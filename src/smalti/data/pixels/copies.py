"""Finds duplicates of an image on both sides of a split, whatever their names: training images would be scored."""

import hashlib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path

from smalti.data.identity import common_parts
from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError
from smalti.tiling import Window, strips

FIRST = 16
"""Number of rows that distinguish most images."""

Key = Callable[[Scene], Hashable]
Group = tuple[list[Scene], list[Scene]]
"""Scenes of both sides that may be the same image."""


def check_copies(
    first: Sequence[Scene], second: Sequence[Scene], digests: Mapping[Path, str], names: tuple[str, str]
) -> None:
    """DataError if both sides have an image with the same bytes, or with the same pixels in another encoding.

    Images of a single colour are not compared, as empty tiles are all equal; nor are parts of one file, which
    are different places.
    """
    sides = [scene for scene in first if scene.files], [scene for scene in second if scene.files]
    found = _copies(sides, lambda scene: digests[scene.files[0]]) or _copies(sides, _size, _first_rows, _pixels)
    if found:
        one, other = found[0]
        raise DataError(
            f"{one.files[0]} ({names[0]}) and {other.files[0]} ({names[1]}) are copies of one image "
            f"({len(found)} in all); split by place"
        )


def _copies(sides: Group, *keys: Key) -> list[tuple[Scene, Scene]]:
    """Pairs of images, one of each side, with equal keys; a key is computed only where all previous ones are equal."""
    groups = [sides]
    for key in keys:
        groups = [part for one, other in groups for part in common_parts(one, other, map(key, [*one, *other]))]
    pairs = [(next(_others(ours, scene), None), scene) for ours, theirs in groups for scene in theirs]
    return [(one, other) for one, other in pairs if one is not None and not _is_uniform(other)]


def _others(scenes: Sequence[Scene], scene: Scene) -> Iterator[Scene]:
    """The scenes that are in another file."""
    return (one for one in scenes if one.files[0].resolve() != scene.files[0].resolve())


def _size(scene: Scene) -> Hashable:
    return scene.grid.height, scene.grid.width


def _first_rows(scene: Scene) -> Hashable:
    rows = scene.read_image(Window(0, 0, min(FIRST, scene.grid.height), scene.grid.width))
    return rows.dtype, hashlib.sha256(rows.tobytes()).digest()


def _pixels(scene: Scene) -> Hashable:
    whole = hashlib.sha256()
    for strip in strips(scene.grid.height, scene.grid.width):
        whole.update(scene.read_image(strip).tobytes())
    return whole.digest()


def _is_uniform(scene: Scene) -> bool:
    """Whether all pixels of an image are equal."""
    first = scene.read_image(Window(0, 0, 1, 1))[0, 0]
    return all(bool((scene.read_image(strip) == first).all()) for strip in strips(scene.grid.height, scene.grid.width))
