"""A folder of images and labels split into training, validation and test by place: neighbours stay together.

Random splits put chips of one scene on both sides, and scores then measure how well a place is memorised. Images with a
place on the ground are split along the longer side of the area that they cover; others are distinguished by a part of
their path.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smalti.errors import DataError
from smalti.evaluation.places import check_pattern, place_of
from smalti.raster.read import open_raster

PARTS = ("train", "validation", "test")
Pairs = Sequence[tuple[Path, Path]]


@dataclass(frozen=True, slots=True)
class Place:
    """Images that must stay together."""

    name: str
    members: tuple[int, ...]
    """Indices of pairs."""
    pixels: int


def split(pairs: Pairs, root: Path, shares: Sequence[float], pattern: str | None = None) -> tuple[str, list[str]]:
    """Describes how the pairs were split, and gives the part of each: one of `PARTS`, by the shares of their pixels.

    `pattern` is a regular expression on the path of an image below `root`; its first group (or all of it) names the
    place. OptionError for an invalid pattern, DataError if there are fewer places than parts with a share.
    """
    check_pattern(pattern)
    several = sum(share > 0 for share in shares)
    if pattern is None and (places := _on_the_ground(pairs)) is not None:
        how, choose = "place on the ground, in stripes", _in_stripes
    else:
        places = _by_name(pairs, root, pattern)
        how, choose = _words(pattern, places), _by_need
    if len(places) < several:
        raise DataError(
            f"{root}: its images are of {len(places)} place{'s' if len(places) != 1 else ''} ({how}), but {several} "
            "parts are requested; give --place, a pattern of the place in their paths, or use fewer parts"
        )
    part = [""] * len(pairs)
    for place, name in zip(places, choose(places, shares), strict=True):
        for member in place.members:
            part[member] = name
    return how, part


def _words(pattern: str | None, places: Sequence[Place]) -> str:
    how = f"the match of {pattern!r} in the path" if pattern else "folder and the name up to its first number"
    return f"{how}: {', '.join(place.name for place in places[:4])}{' ...' if len(places) > 4 else ''}"


def _on_the_ground(pairs: Pairs) -> list[Place] | None:
    """Groups of images that overlap, along the longer side of all; None unless all have a place in one CRS."""
    import shapely

    boxes, sizes, systems = [], [], set()
    for image, _ in pairs:
        with closing(open_raster(image)) as reader:
            grid = reader.grid
        if not grid.georeferenced:
            return None
        corners = [grid.xy(col, row) for row in (0, grid.height) for col in (0, grid.width)]
        boxes.append(shapely.box(*np.min(corners, 0), *np.max(corners, 0)))
        sizes.append(grid.height * grid.width)
        systems.add(grid.crs)
    if len(systems) != 1:
        return None
    groups = _overlapping(boxes)
    west, south, east, north = shapely.total_bounds(boxes)
    axis = 0 if east - west >= north - south else 1
    middles = [float(np.mean([shapely.get_coordinates(boxes[i].centroid)[0, axis] for i in group])) for group in groups]
    order = sorted(range(len(groups)), key=lambda k: middles[k])
    return [Place(str(k), tuple(groups[k]), sum(sizes[i] for i in groups[k])) for k in order]


def _overlapping(boxes: Sequence[object]) -> list[list[int]]:
    """Indices of boxes that are connected by areas that they share; a shared border is not an area."""
    import shapely

    tree = shapely.STRtree(boxes)
    parent = list(range(len(boxes)))

    def top(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for one, other in tree.query(boxes, predicate="intersects").T:
        shared = shapely.intersection(boxes[one], boxes[other]).area
        if one < other and shared > 1e-6 * min(boxes[one].area, boxes[other].area):
            parent[top(int(other))] = top(int(one))
    groups: dict[int, list[int]] = defaultdict(list)
    for k in range(len(boxes)):
        groups[top(k)].append(k)
    return list(groups.values())


def _by_name(pairs: Pairs, root: Path, pattern: str | None) -> list[Place]:
    """Places by name, the largest one first."""
    members: dict[str, list[int]] = defaultdict(list)
    for number, (image, _) in enumerate(pairs):
        members[place_of(image.relative_to(root), pattern)].append(number)
    found = []
    for name, numbers in members.items():
        pixels = 0
        for number in numbers:
            with closing(open_raster(pairs[number][0])) as reader:
                pixels += reader.grid.height * reader.grid.width
        found.append(Place(name, tuple(numbers), pixels))
    return sorted(found, key=lambda place: (-place.pixels, place.name))


def _in_stripes(places: Sequence[Place], shares: Sequence[float]) -> list[str]:
    """Train first, then validation, then test, each beside the next; every requested part has at least one place."""
    wanted = [part for part, share in zip(PARTS, shares, strict=True) if share > 0]
    ends = np.cumsum([share for share in shares if share > 0])
    pixels = np.array([place.pixels for place in places])
    middles = (np.cumsum(pixels) - pixels / 2) / pixels.sum()
    lengths = np.bincount(np.searchsorted(ends[:-1], middles, side="right"), minlength=len(wanted))
    for k in reversed(range(len(wanted))):
        if not lengths[k]:  # the nearest part with a place to spare gives one
            spare = np.flatnonzero(lengths > 1)
            lengths[max(spare, key=lambda other: (-abs(other - k), other))] -= 1
            lengths[k] = 1
    return [part for part, length in zip(wanted, lengths, strict=True) for _ in range(length)]


def _by_need(places: Sequence[Place], shares: Sequence[float]) -> list[str]:
    """The largest place goes to the part that lacks most, and so on; parts without a place come first."""
    total = sum(place.pixels for place in places)
    lacking = [share * total for share in shares]
    empty = [share > 0 for share in shares]
    chosen = []
    for left, place in zip(range(len(places), 0, -1), places, strict=True):
        must = sum(empty) >= left
        k = max((k for k in range(len(PARTS)) if shares[k] > 0 and (empty[k] or not must)), key=lambda k: lacking[k])
        chosen.append(PARTS[k])
        lacking[k] -= place.pixels
        empty[k] = False
    return chosen
