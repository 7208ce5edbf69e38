"""Groups photos into series by time and similarity together.

Photos are only compared if they are of one camera between two long pauses, by its own clock, or if all lack a time.
Among these, average linkage forms the series: two groups are joined if their photos are alike on average, so that no
chain of small steps joins a whole flight. Bursts always stay together: those that the camera names, and those with the
timing of one, since nobody presses the shutter again within half a second. Exposure brackets are series of their own.
The result depends on the photos alone, not on the order in which they are listed.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from smalti.arrays import Floats
from smalti.photos.brackets import exposure_sets
from smalti.photos.linkage import Compare, Indices, average_linkage, components
from smalti.photos.names import order as order_of_names
from smalti.photos.photo import Look, Photo

PAUSE_TIMES = 8
"""A pause this many times the median of the pauses around it ends a run of photos that are compared."""
PAUSE_AROUND = 5
"""Number of pauses on each side for the median: enough for a rhythm, few enough to follow a change of it."""
PAUSE_SHORTEST, PAUSE_LONGEST = 10.0, 600.0
"""Seconds: a pause shorter than the first never ends a run; one longer than the second always does."""
BITS = 16.0
"""Differing bits of the hash up to which photos without a time are alike. Near-duplicates had up to 14, others at least
21."""
ANGLE = 0.26
"""1 - cosine of the embeddings that counts as much as BITS. Near-duplicates had up to 0.08, others at least 0.24; both
ends of a focus series 0.49."""
TOLERANCE = ((1.0, 1.6), (10.0, 1.3), (60.0, 1.0), (600.0, 0.7))
"""(seconds, factor): the nearer in time, the more two photos of one series may differ; between, a logarithmic scale."""
BURST_PAUSE, BURST_UNLIKE = 0.6, 1.5
"""Maximum seconds between frames of a burst, and how unlike two consecutive frames may be: in a pan by half of the
width the frames are up to 1.3 times as unlike as TOLERANCE allows."""
MOST = 10_000
"""Maximum number of photos that are compared with one another; more are split at a long pause. The comparison takes
400 MB."""


def group(
    photos: Sequence[Photo], looks: Sequence[Look], progress: Callable[[int], None] = lambda _: None
) -> list[list[int]]:
    """Groups photos into series.

    Args:
        photos: the photos, in any order.
        looks: the look of each photo.
        progress: called with the number of photos assigned to a series since the last call.

    Returns:
        The series as indices into `photos`, each sorted by time, then by path; so are the series.
    """
    order = sorted(range(len(photos)), key=lambda i: when(photos[i]))
    sets = [[order[k] for k in members] for members in exposure_sets([photos[i] for i in order])]
    progress(sum(map(len, sets)))
    in_sets = {i for members in sets for i in members}
    rest = [i for i in order if i not in in_sets]
    found = []
    for run in _runs([photos[i] for i in rest]):
        indices = [rest[k] for k in run]
        series = _cluster([photos[i] for i in indices], [looks[i] for i in indices], progress)
        found += [[indices[k] for k in members] for members in series]
    place = {index: k for k, index in enumerate(rest)}
    joined = _join([[place[i] for i in members] for members in found], [photos[i].burst for i in rest])
    return sorted(sets + [[rest[k] for k in members] for members in joined], key=lambda series: when(photos[series[0]]))


def when(photo: Photo) -> tuple[Any, ...]:
    """Sort key of a photo: the camera's clock, then the path; photos without a time come last."""
    return photo.clock is None, photo.clock or 0.0, order_of_names(photo.path)


def pause(before: Sequence[float]) -> float:
    """The shortest pause, in seconds, that ends a run, given the pauses around it, in seconds."""
    return min(max(PAUSE_SHORTEST, PAUSE_TIMES * median(before)), PAUSE_LONGEST)


def _runs(photos: Sequence[Photo]) -> list[list[int]]:
    """Indices of the photos that may be compared: per camera between long pauses, and all without a time."""
    cameras: dict[str | None, list[int]] = defaultdict(list)
    for i, photo in enumerate(photos):
        cameras[None if photo.clock is None else photo.camera].append(i)
    runs = []
    for camera, members in cameras.items():
        times = [photos[i].clock or 0.0 for i in members]
        bounds = [0, *sorted(set() if camera is None else _cuts(times)), len(members)]
        for a, b in pairwise(bounds):
            runs += [[members[k] for k in range(a + c, a + d)] for c, d in _pieces(times[a:b])]
    return runs


def _cuts(times: Sequence[float]) -> set[int]:
    """Where a new run begins: positions after a long pause; `times` ascend."""
    pauses = [after - before for before, after in pairwise(times)]
    cuts = set()
    for k, this in enumerate(pauses):
        around = pauses[max(0, k - PAUSE_AROUND) : k] + pauses[k + 1 : k + 1 + PAUSE_AROUND]
        if this > (pause(around) if around else PAUSE_LONGEST):
            cuts.add(k + 1)
    return cuts


def _pieces(times: Sequence[float]) -> list[tuple[int, int]]:
    """Splits a run into pieces of at most MOST photos, at the longest pause of its middle half."""
    open_pieces, pieces = [(0, len(times))], []
    while open_pieces:
        begin, end = open_pieces.pop()
        if end - begin <= MOST:
            pieces.append((begin, end))
            continue
        quarter = (end - begin) // 4
        cut = max(
            range(begin + quarter, end - quarter), key=lambda k: (times[k] - times[k - 1], -abs(2 * k - begin - end))
        )
        open_pieces += [(begin, cut), (cut, end)]
    return sorted(pieces)


def _cluster(photos: Sequence[Photo], looks: Sequence[Look], progress: Callable[[int], None]) -> list[list[int]]:
    """The series of one run, in order of time, as indices into it."""
    compare = _comparison(photos, looks)
    links = _Links(len(photos))
    for members in _bursts([photo.burst for photo in photos]):
        links.join(members)
    for k in _rhythm(photos, compare):
        links.join((k, k + 1))
    bursts = links.sets()
    # average linkage only joins what is connected by single pairs, so each connected component is handled separately
    for component in components(compare, len(photos)):
        links.join(component.tolist())
    burst_of = {i: number for number, members in enumerate(bursts) for i in members}
    found = []
    for members in links.sets():
        parts: dict[int, list[int]] = defaultdict(list)
        for k, i in enumerate(members):
            parts[burst_of[i]].append(k)
        index = np.array(members)
        joined = average_linkage(_part(compare, index), list(parts.values()), progress)
        progress(len(members) - len(parts))
        found += [[members[k] for k in part] for part in joined]
    return found


def _part(compare: Compare, index: Indices) -> Compare:
    return lambda rows, cols: compare(index[rows], index[cols])


def _rhythm(photos: Sequence[Photo], compare: Compare) -> list[int]:
    """Positions of photos after which a burst continues; photos are in order of time.

    With a clock without fractions of a second, two photos in one second are a burst.
    """
    clocks = [photo.clock for photo in photos]
    seconds = Counter(clock for clock in clocks if clock is not None and clock % 1 == 0)
    found = []
    for k, (before, after) in enumerate(pairwise(clocks)):
        if before is None or after is None:
            continue
        in_whole = after - before <= 1 and seconds[before] > 1 and seconds[after] > 1
        if after - before <= BURST_PAUSE or in_whole:
            found.append(k)
    return [k for k in found if compare(np.array([k]), np.array([k + 1]))[0, 0] <= BURST_UNLIKE]


def _comparison(photos: Sequence[Photo], looks: Sequence[Look]) -> Compare:
    """A function from indices of rows and columns to how unlike those photos are; up to 1 they are alike."""
    embeddings = np.stack([look.embedding for look in looks])
    hashes = np.array([look.dhash for look in looks], ">u8").view(np.uint8).reshape(-1, 8)
    bits = np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
    times = np.array([np.nan if photo.clock is None else photo.clock for photo in photos])
    seconds, factors = np.log([s for s, _ in TOLERANCE]), [factor for _, factor in TOLERANCE]
    timeless = bool(np.isnan(times).any())  # then all are: a run has times or has none

    def compare(rows: Indices, cols: Indices) -> Floats:
        unlike: Floats = (64 - bits[rows] @ bits[cols].T) * np.float32(1 / (4 * BITS))
        unlike += (1 - embeddings[rows] @ embeddings[cols].T) * np.float32(1 / (2 * ANGLE))
        if not timeless:
            gaps = np.abs(times[rows, None] - times[cols])
            unlike /= np.interp(np.log(np.maximum(gaps, 1e-3)), seconds, factors).astype(np.float32)
        return unlike

    return compare


def _bursts(names: Sequence[str]) -> list[list[int]]:
    """Indices of each burst that has a name."""
    parts: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        if name:
            parts[name].append(i)
    return list(parts.values())


def _join(series: list[list[int]], bursts: Sequence[str]) -> list[list[int]]:
    """Joins series that contain photos of the same burst; all sorted."""
    links = _Links(len(bursts))
    for members in [*series, *_bursts(bursts)]:
        links.join(members)
    return links.sets()


class _Links:
    """Disjoint sets (union-find)."""

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
