"""Finds duplicates of an image on both sides of a split, whatever their names: training images would be scored."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from smalti.data.identity import THREADS, common_parts
from smalti.data.images import decode
from smalti.errors import DataError
from smalti.photos.content import digest
from smalti.photos.formats import jpeg
from smalti.watch import Watch, unwatched

TAIL = 256
"""Bytes at the end of a file that distinguish most images; few enough to contain no header."""

_END = b"\xff\xd9"
"""The last bytes of a JPEG."""

Key = Callable[[str], Hashable]
Sides = tuple[Sequence[str], Sequence[str]]
"""Files of both sides that may be the same image."""


def check_copies(first: Sequence[str], second: Sequence[str], names: tuple[str, str], watch: Watch = unwatched) -> None:
    """DataError if both sides have an image with the same coded or decoded pixels.

    Images of a single colour are not compared. Two JPEGs are compared by their coded pixels only: decoding all of
    them would take hours, and the same pixels are hardly ever coded in two ways.
    """
    sides = [(first, second)]
    mixed = [group for group in _parts(sides, _size, watch) if not all(map(_is_jpeg, [*group[0], *group[1]]))]
    coded = (pair for pair in coded_copies(first, second, watch) if not _is_uniform(pair[1]))
    if found := list(coded) or [pair for pair in _pairs(_parts(mixed, _pixels, watch)) if not _is_uniform(pair[1])]:
        one, other = found[0]
        raise DataError(
            f"{one} ({names[0]}) and {other} ({names[1]}) are copies of one image ({len(found)} in all); take them out "
            "of one part, or set data.check = false"
        )


def coded_copies(first: Sequence[str], second: Sequence[str], watch: Watch = unwatched) -> list[tuple[str, str]]:
    """Pairs of files, one of each side, with the same coded pixels; nothing is decoded."""
    return _pairs(_parts(_parts([(first, second)], _tail, watch), _coded, watch))


def _pairs(groups: Sequence[Sides]) -> list[tuple[str, str]]:
    """Pairs of a file of the first side and a file of the second side that is the same image."""
    return [(ours[0], other) for ours, theirs in groups for other in theirs]


def _parts(groups: Sequence[Sides], key: Key, watch: Watch) -> list[Sides]:
    """Splits each group by key; keeps the parts that have files of both sides."""
    advance = watch("copies", sum(len(ours) + len(theirs) for ours, theirs in groups), "")
    return [part for group in groups for part in _by_key(group, key, advance)]


def _by_key(group: Sides, key: Key, advance: Callable[[float], object]) -> Sequence[Sides]:
    keys = []
    with ThreadPoolExecutor(THREADS) as pool:
        for value in pool.map(key, [*group[0], *group[1]]):
            keys.append(value)
            advance(1)
    return common_parts(*group, keys)


def _tail(path: str) -> Hashable:
    with Path(path).open("rb") as file:
        file.seek(max(0, Path(path).stat().st_size - TAIL))
        tail = file.read()
    if not tail.endswith(_END) and _is_jpeg(path):
        tail = _without_trailer(decode.read_file(path))[-TAIL:]
    return hashlib.sha256(tail).digest()


def _coded(path: str) -> Hashable:
    return digest(_without_trailer(decode.read_file(path)))


def _without_trailer(content: bytes) -> bytes:
    """A JPEG's file without what some cameras and programs append; any other as it is."""
    if not content.startswith(jpeg.START):
        return content
    *_, scans = jpeg.coded(content)
    end = content.find(_END, len(content) - len(scans))  # scans have no such bytes inside
    return content if end < 0 else content[: end + len(_END)]


def _size(path: str) -> Hashable:
    """The sides of an image, the shorter one first, since EXIF may rotate it."""
    try:
        with Image.open(path) as picture:
            return tuple(sorted(picture.size))
    except Exception as error:  # decoders raise exceptions of any class
        raise DataError(f"{path}: cannot be decoded as an image; repair it or remove it from the dataset") from error


def _is_jpeg(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(jpeg.START)) == jpeg.START


def _pixels(path: str) -> Hashable:
    image = decode.whole(path)
    return image.shape, hashlib.sha256(image.tobytes()).digest()


def _is_uniform(path: str) -> bool:
    """Whether all pixels of an image are equal."""
    image = decode.whole(path)
    return bool((image == image[0, 0]).all())
