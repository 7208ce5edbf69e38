"""Which photos form a series: by time and by likeness together.

Photos that may be compared at all are those of one camera between two long pauses, and those without a time among
themselves. Of these a series is what average linkage (Sokal and Michener, 1958) joins: two groups become one as long as
their photos are alike on average, so that no chain of small steps runs away with a whole flight. Bursts that the camera
itself names always stay together. The answer depends on the photos alone, not on the order in which they are listed.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from smalti.photos.photo import Look, Photo

Floats = NDArray[np.float32]

PAUSE_TIMES = 8
"""A pause ends what may be compared where it is so many times the median of the pauses around it."""
PAUSE_AROUND = 5
"""Pauses on each side that the median is taken of: enough for a rhythm, few enough to follow a change of it."""
PAUSE_SHORTEST, PAUSE_LONGEST = 10.0, 600.0
"""Seconds: who photographs one subject pauses for less than the first; after the second it is another one."""
BITS = 16.0
"""Bits of the hash at which photos without a time are just alike. Near-duplicates had up to 14, others at least 21."""
ANGLE = 0.12
"""1 - cosine of the embeddings that counts as much as BITS."""
TOLERANCE = ((1.0, 1.6), (10.0, 1.3), (60.0, 1.0), (600.0, 0.7))
"""(seconds, factor): the nearer in time, the more two photos of one series may differ; a logarithmic scale between."""
_BLOCK = 4_000_000  # pairs that are compared at once


def group(
    photos: Sequence[Photo], looks: Sequence[Look], progress: Callable[[int], None] = lambda _: None
) -> list[list[int]]:
    """The series as indices into `photos`, each in the order of time, then of path; so are the series.

    `progress` is told how many more photos have found theirs.
    """
    order = sorted(range(len(photos)), key=lambda i: _when(photos[i]))
    found = []
    for run in _runs([photos[i] for i in order]):
        indices = [order[k] for k in run]
        series = _cluster([photos[i] for i in indices], [looks[i] for i in indices])
        found += [[indices[k] for k in members] for members in series]
    place = {index: k for k, index in enumerate(order)}
    joined = _join([[place[i] for i in members] for members in found], [photos[i].burst for i in order])
    return [[order[k] for k in members] for members in joined]


def pause(before: Sequence[float]) -> float:
    """The pause, in seconds, that ends a run, for the pauses around it."""
    return min(max(PAUSE_SHORTEST, PAUSE_TIMES * median(before)), PAUSE_LONGEST)


def _when(photo: Photo) -> tuple[bool, float, str]:
    return photo.taken is None, photo.taken or 0.0, photo.path.as_posix()


def _runs(photos: Sequence[Photo]) -> list[list[int]]:
    """Indices of what may be compared: per camera between long pauses, and all without a time."""
    cameras: dict[str | None, list[int]] = defaultdict(list)
    for i, photo in enumerate(photos):
        cameras[None if photo.taken is None else photo.camera].append(i)
    runs = []
    for camera, members in cameras.items():
        cuts = set() if camera is None else _cuts([photos[i].taken or 0.0 for i in members])
        bounds = [0, *sorted(cuts), len(members)]
        runs += [members[a:b] for a, b in pairwise(bounds)]
    return runs


def _cuts(times: Sequence[float]) -> set[int]:
    """Where a run begins anew: positions behind a long pause; `times` ascend."""
    pauses = [after - before for before, after in pairwise(times)]
    cuts = set()
    for k, this in enumerate(pauses):
        around = pauses[max(0, k - PAUSE_AROUND) : k] + pauses[k + 1 : k + 1 + PAUSE_AROUND]
        if this > (pause(around) if around else PAUSE_LONGEST):
            cuts.add(k + 1)
    return cuts


def _cluster(photos: Sequence[Photo], looks: Sequence[Look]) -> list[list[int]]:
    """The series of one run, as indices into it."""
    compare = _comparison(photos, looks)
    links = _Links(len(photos))
    bursts = _bursts([photo.burst for photo in photos])
    for members in bursts:
        links.join(members)
    rows = max(1, _BLOCK // len(photos))
    for begin in range(0, len(photos), rows):
        some = np.arange(begin, min(begin + rows, len(photos)))
        alike = compare(some, np.arange(len(photos))) <= 1
        for row, col in np.argwhere(alike):
            links.join((int(some[row]), int(col)))
    # whatever average linkage joins hangs together by single pairs, so that each such component can be seen alone
    found = []
    for members in links.sets():
        parts = _bursts([photos[i].burst for i in members], singles=True)
        index = np.array(members)
        found += [[members[k] for k in part] for part in _average_linkage(compare(index, index), parts)]
    return found


def _comparison(
    photos: Sequence[Photo], looks: Sequence[Look]
) -> Callable[[NDArray[np.intp], NDArray[np.intp]], Floats]:
    """A function: indices of rows and columns -> how unlike those photos are; at most 1 is alike."""
    embeddings = np.stack([look.embedding for look in looks])
    bits = np.array([[look.dhash >> k & 1 for k in range(64)] for look in looks], np.float32) * 2 - 1
    times = np.array([np.nan if photo.taken is None else photo.taken for photo in photos])
    seconds, factors = np.log([s for s, _ in TOLERANCE]), [factor for _, factor in TOLERANCE]

    def compare(rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Floats:
        distance = (64 - bits[rows] @ bits[cols].T) / 2 / BITS
        angle = (1 - embeddings[rows] @ embeddings[cols].T) / ANGLE
        gaps = np.abs(times[rows, None] - times[cols])
        allowed = np.interp(np.log(np.maximum(gaps, 1e-3)), seconds, factors)
        unlike: Floats = ((distance + angle) / 2 / np.where(np.isnan(gaps), 1.0, allowed)).astype(np.float32)
        return unlike

    return compare


def _bursts(names: Sequence[str], singles: bool = False) -> list[list[int]]:
    """Indices of each burst; with `singles` what belongs to none is a part of its own."""
    parts: dict[str | int, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        if name or singles:
            parts[name or i].append(i)
    return list(parts.values())


def _average_linkage(unlike: Floats, parts: list[list[int]]) -> list[list[int]]:
    """Joins the most alike two parts, again and again, as long as their photos are alike on average."""
    shares = np.array([[i in part for i in range(len(unlike))] for part in map(set, parts)], np.float64)
    shares /= shares.sum(1, keepdims=True)
    mean = shares @ unlike @ shares.T
    np.fill_diagonal(mean, np.inf)
    parts, sizes = list(parts), np.array([float(len(part)) for part in parts])
    while mean.min() <= 1:
        a, b = sorted(divmod(int(mean.argmin()), len(mean)))
        parts[a] = parts[a] + parts[b]
        parts[b] = []
        mean[a] = (sizes[a] * mean[a] + sizes[b] * mean[b]) / (sizes[a] + sizes[b])
        mean[:, a] = mean[a]
        mean[b] = mean[:, b] = np.inf
        mean[a, a] = np.inf
        sizes[a] += sizes[b]
    return [part for part in parts if part]


def _join(series: list[list[int]], bursts: Sequence[str]) -> list[list[int]]:
    """Series that hold photos of one burst become one; all sorted."""
    links = _Links(len(bursts))
    for members in [*series, *_bursts(bursts)]:
        links.join(members)
    return links.sets()


class _Links:
    """Sets that grow together (union-find)."""

    def __init__(self, number: int) -> None:
        self._parent = list(range(number))

    def join(self, members: Sequence[int]) -> None:
        roots = [self._root(i) for i in members]
        first = min(roots)
        for root in roots:
            self._parent[root] = first

    def sets(self) -> list[list[int]]:
        """Members in ascending order, and the sets by their first member."""
        found: dict[int, list[int]] = defaultdict(list)
        for i in range(len(self._parent)):
            found[self._root(i)].append(i)
        return list(found.values())

    def _root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = i = self._parent[self._parent[i]]
        return i
