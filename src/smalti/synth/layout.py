"""The lattice of main streets and the blocks between them.

Streets run along irregular lines of the plan. Each two by two blocks hold water and, in an order of their own, a dense
quarter, a loose one and mostly open country, so that every walk of 600 m meets all of them.
"""

from dataclasses import dataclass
from functools import lru_cache

from smalti.synth.seeds import rng_for
from smalti.synth.style import style_of

PITCH = 300.0
"""Mean distance of main streets in metres."""

DENSE = (("town", 0.6), ("estate", 0.18), ("industry", 0.22))
LOOSE = (("suburb", 0.72), ("estate", 0.08), ("town", 0.2))
OPEN_GREEN = (("farm", 0.4), ("wood", 0.22), ("bare", 0.1), ("suburb", 0.16), ("industry", 0.12))
OPEN_ARID = (("bare", 0.36), ("farm", 0.2), ("wood", 0.14), ("suburb", 0.16), ("industry", 0.14))
RURAL = {"farm", "wood", "bare", "lake"}


@dataclass(frozen=True)
class Block:
    """A block of the lattice: number, kind, and the lines of its streets in the plan (metres)."""

    i: int
    j: int
    kind: str
    u0: float
    v0: float
    u1: float
    v1: float
    widths: tuple[float, float, float, float]
    """Widths of the streets on its left, top, right and bottom line, metres."""


@lru_cache(maxsize=4096)
def line_at(seed: int, axis: int, i: int) -> float:
    """Where street line `i` of an axis lies in the plan, metres."""
    return PITCH * i + float(rng_for(seed, "line", axis, i).uniform(-45, 45))


def _pick(choices: tuple[tuple[str, float], ...], at: float) -> str:
    for name, share in choices:
        if at < share:
            return name
        at -= share
    return choices[-1][0]


@lru_cache(maxsize=4096)
def kind_at(seed: int, i: int, j: int) -> str:
    """The kind of block (i along u, j along v)."""
    place = i % 2 * 2 + j % 2
    order = rng_for(seed, "group", i // 2, j // 2).permutation(3) + 1
    quarter = int(order[place - 1]) if place else 0
    fate = float(rng_for(seed, "kind", i, j).random())
    country = OPEN_ARID if style_of(seed).aridity > 0.5 else OPEN_GREEN
    return ("lake", _pick(DENSE, fate), _pick(LOOSE, fate), _pick(country, fate))[quarter]


@lru_cache(maxsize=4096)
def street_width(seed: int, axis: int, i: int, j: int) -> float:
    """Width in metres of the street on line `i` of `axis` beside block (i, j) or, for axis 1, (j, i)."""
    a, b = ((i, j), (i - 1, j)) if axis == 0 else ((j, i), (j, i - 1))
    main = float(rng_for(seed, "main", axis, i).random())
    if main < 0.2:
        return 16.0
    if kind_at(seed, *a) in RURAL and kind_at(seed, *b) in RURAL:
        return 5.5 if main < 0.7 else 3.6
    return 9.0 if main < 0.5 else 7.2


@lru_cache(maxsize=4096)
def block_at(seed: int, i: int, j: int) -> Block:
    """Block (i along u, j along v) of a seed's world."""
    widths = (
        street_width(seed, 0, i, j), street_width(seed, 1, j, i),
        street_width(seed, 0, i + 1, j), street_width(seed, 1, j + 1, i),
    )  # fmt: skip
    return Block(
        i, j, kind_at(seed, i, j),
        line_at(seed, 0, i), line_at(seed, 1, j), line_at(seed, 0, i + 1), line_at(seed, 1, j + 1), widths,
    )  # fmt: skip
