"""Copies of an image on both sides of a split, under whatever name: what was trained on would be scored."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError
from smalti.tiling import Window

STRIP = 512
"""Rows that are read at once."""


def check_copies(
    first: Sequence[Scene], second: Sequence[Scene], digests: Mapping[Path, str], names: tuple[str, str]
) -> None:
    """DataError if the file of an image is byte for byte that of an image on the other side.

    Images of one colour are no copies: tiles of nothing are all alike. One file that both sides read is none either:
    its parts are places of their own.
    """
    ours = {digests[scene.files[0]]: scene for scene in first if scene.files}
    both = [
        (ours[digest], scene)
        for scene in second
        if scene.files and (digest := digests[scene.files[0]]) in ours and not _same_file(ours[digest], scene)
    ]
    found = [(one, other) for one, other in both if not _is_even(other)]
    if found:
        one, other = found[0]
        raise DataError(
            f"{one.files[0]} ({names[0]}) and {other.files[0]} ({names[1]}) are copies of one image "
            f"({len(found)} in all); split by place"
        )


def _same_file(one: Scene, other: Scene) -> bool:
    return one.files[0].resolve() == other.files[0].resolve()


def _is_even(scene: Scene) -> bool:
    """Whether all pixels of an image are alike."""
    first = scene.read(Window(0, 0, 1, 1)).image[0, 0]
    height, width = scene.grid.height, scene.grid.width
    strips = (Window(row, 0, min(STRIP, height - row), width) for row in range(0, height, STRIP))
    return all(bool((scene.read(strip).image == first).all()) for strip in strips)
