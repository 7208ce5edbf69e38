"""Average linkage (Sokal and Michener, 1958) in quadratic time: joins groups that are alike on average.

The chain of nearest neighbours (Benzécri, 1982; Murtagh, 1983): from any group to its nearest, on to that one's
nearest, until two are each other's. They are joined at once, since no join elsewhere can bring a third one nearer. For
the same reason a group whose nearest is unlike is final.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats

Indices = NDArray[np.intp]
Compare = Callable[[Indices, Indices], Floats]
"""Maps indices of rows and columns to how unlike those are; up to 1 they are alike."""

_BLOCK = 2_000_000  # pairs that are compared at once


def components(compare: Compare, number: int) -> list[Indices]:
    """Connected components of the pairs that are alike, sorted by first member: no join ever crosses them."""
    labels = np.arange(number)
    rows = max(1, _BLOCK // max(1, number))
    for begin in range(0, number, rows):
        some, rest = np.arange(begin, min(begin + rows, number)), np.arange(begin, number)
        alike = compare(some, rest) <= 1
        for k, row in zip(some, alike, strict=True):
            found = labels[begin:][row]
            if found.size and (found.min() != labels[k] or found.max() != labels[k]):
                joined = np.unique(np.append(found, labels[k]))
                labels[np.isin(labels, joined)] = joined[0]
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if number else []


def average_linkage(
    compare: Compare,
    parts: Sequence[Sequence[int]],
    done: Callable[[int], None] = lambda _: None,
) -> list[list[int]]:
    """Joins parts as long as their members are alike on average; needs 4 bytes per pair of parts.

    Args:
        compare: how unlike members are, by index.
        parts: indices of members that are never separated.
        done: called with the number of parts that were joined or became final since the last call.

    Returns:
        The members of each group.
    """
    mean, sizes = _means(compare, parts), np.array([len(part) for part in parts], np.float32)
    found, is_open = [list(part) for part in parts], [True] * len(parts)
    for start in range(len(parts)):
        chain: list[int] = []
        while is_open[start]:
            top = chain[-1] if chain else start
            near = _nearest(mean[top], chain[-2:-1])
            if mean[top, near] > 1:
                mean[top] = mean[:, top] = np.inf
                is_open[top] = False
                del chain[-1:]
                done(1)
            elif chain[-2:-1] == [near]:
                del chain[-2:]
                a, b = sorted((top, near))
                _join(mean, sizes, a, b)
                found[a], found[b], is_open[b] = found[a] + found[b], [], False
                done(1)
            else:
                chain = [*chain, near] if chain else [start, near]
    return [part for part in found if part]


def _nearest(row: Floats, before: Sequence[int]) -> int:
    """The nearest group; of equally near ones the previous in the chain, or the loop would never end."""
    near = int(row.argmin())
    return before[0] if before and row[before[0]] <= row[near] else near


def _join(mean: Floats, sizes: Floats, a: int, b: int) -> None:
    """Merges group b into a."""
    mean[a] = (sizes[a] * mean[a] + sizes[b] * mean[b]) / (sizes[a] + sizes[b])
    mean[a, a] = np.inf
    mean[:, a] = mean[a]
    mean[b] = mean[:, b] = np.inf
    sizes[a] += sizes[b]


def _means(compare: Compare, parts: Sequence[Sequence[int]]) -> Floats:
    """How unlike any two parts are on average; infinite on the diagonal."""
    order, sizes = np.array([i for part in parts for i in part], np.intp), np.array([len(part) for part in parts])
    begins = np.cumsum(sizes) - sizes
    mean = np.empty((len(parts), len(parts)), np.float32)
    step = max(1, _BLOCK // max(1, len(order)) // max(1, int(sizes.max(initial=1))))
    for first in range(0, len(parts), step):
        last = min(first + step, len(parts))
        rows = order[begins[first] : begins[first] + sizes[first:last].sum()]
        sums = np.add.reduceat(compare(rows, order), begins, axis=1)
        mean[first:last] = np.add.reduceat(sums, begins[first:last] - begins[first], axis=0)
        mean[first:last] /= sizes[first:last, None] * sizes
    np.fill_diagonal(mean, np.inf)
    return mean
