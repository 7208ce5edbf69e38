"""The strength of each kind of degradation, and the order of photos that follows from it.

A photo is described by its level for each kind of degradation. It is better than another one for certain if none of its
levels is higher and at least one is lower. Different kinds are never compared with each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from smalti.data.photos.series import Preference, Truth
from smalti.data.photos.worsen import Damage, Framing

Steps = NDArray[np.int64]  # photos,kinds

LADDERS: dict[str, tuple[float, float, float, float]] = {
    # kind: strengths of the four levels (units as in `worsen`; shift as a share of the frame's side)
    "defocus": (1.0, 1.8, 3.2, 5.5),
    "misfocus": (1.5, 2.6, 4.2, 6.5),
    "motion": (4.0, 8.0, 14.0, 24.0),
    "dark": (0.8, 1.5, 2.2, 3.0),
    "bright": (0.6, 1.1, 1.7, 2.4),
    "noise": (5.0, 10.0, 18.0, 30.0),
    "compression": (35.0, 20.0, 11.0, 6.0),
    "tilt": (2.0, 3.5, 6.0, 9.0),
    "cut": (0.12, 0.20, 0.28, 0.36),
}
TOP = 4
SPREAD = 0.3  # octaves by which all strengths of a series may deviate from the table
HOW_MANY_KINDS = (0.4, 0.35, 0.25)  # probabilities of one, two, three
UNTOUCHED = 0.35  # probability that a photo is not degraded by a kind
DOUBT = 0.1  # probability that people disagree at a difference of one level; a third of it for each further level
SHIFT, TURN, ZOOM = 0.01, 0.2, 0.02  # standard deviations between photos: share of the side, degrees, octaves


@dataclass(frozen=True, slots=True)
class Base:
    """The quality that all photos of a series have in common, as by the camera and the light."""

    defocus: float
    exposure: float
    noise: float
    quality: int
    depth: float
    """Radius of the blur behind the subject, for series with photos that are focused behind it."""

    @classmethod
    def draw(cls, rng: Generator) -> "Base":
        """Draws a quality, from good cameras to simple ones."""
        soft, light, noise = rng.uniform(0, 1) ** 2, rng.normal(0, 0.25), rng.uniform(0, 1) ** 2
        exposure, quality = float(np.clip(light, -0.5, 0.4)), int(rng.integers(82, 97))
        return cls(1.2 * soft, exposure, 5 * noise, quality, float(rng.uniform(1.5, 7)))


def draw_steps(kinds: list[str], photos: int, rng: Generator) -> tuple[list[str], Steps]:
    """Draws some of the kinds and a table of distinct levels (photos, kinds); the first photo is not degraded."""
    count = min(len(kinds), int(rng.choice(3, p=HOW_MANY_KINDS)) + 1)
    chosen = [kinds[i] for i in sorted(rng.choice(len(kinds), count, replace=False))]
    if {"dark", "bright"} <= set(chosen):  # they would cancel each other
        chosen.remove(str(rng.choice(["dark", "bright"])))
        count -= 1
    rows = [(0,) * count]
    most = min(photos, (TOP + 1) ** count)
    while len(rows) < most:
        touched = rng.random(count) >= UNTOUCHED
        row = tuple(int(step) for step in rng.integers(1, TOP + 1, count) * touched)
        if row not in rows:
            rows.append(row)
    return chosen, np.array(rows)


def truth_of(name: str, steps: Steps) -> Truth:
    """The known order of photos with these levels."""
    count = range(len(steps))
    pairs: list[Preference] = [
        (a, b, 1 - DOUBT * 3.0 ** (1 - int((steps[b] - steps[a]).sum())))
        for a in count
        for b in count
        if a != b and (steps[a] <= steps[b]).all()
    ]
    chain = len(pairs) == len(steps) * (len(steps) - 1) // 2
    order = tuple(int(i) for i in np.argsort(steps.sum(1))) if chain else ()
    return Truth(name, len(steps), tuple(pairs), order)


def strengths(kinds: list[str], row: NDArray[np.int64], harder: float) -> dict[str, float]:
    """The strength of each kind that degrades a photo, multiplied by `harder` (a JPEG quality is divided by it)."""
    ladders = {kind: LADDERS[kind][step - 1] for kind, step in zip(kinds, row.tolist(), strict=True) if step}
    return {kind: value / harder if kind == "compression" else value * harder for kind, value in ladders.items()}


def damage_of(amounts: Mapping[str, float], base: Base) -> Damage:
    """The total degradation of a photo, its series' own included; independent blurs and noises add as squares."""
    return Damage(
        defocus=float(np.hypot(base.defocus, amounts.get("defocus", 0))),
        misfocus=amounts.get("misfocus", 0.0),
        depth=max(0.0, base.depth - amounts.get("misfocus", 0.0)),
        motion=amounts.get("motion", 0.0),
        exposure=base.exposure + amounts.get("bright", 0) - amounts.get("dark", 0),
        noise=float(np.hypot(base.noise, amounts.get("noise", 0))),
        quality=min(base.quality, max(2, round(amounts.get("compression", 100)))),
    )


def framing_of(amounts: Mapping[str, float], rng: Generator) -> Framing:
    """The view of a photo: handheld cameras move between shots, which alone makes no photo worse."""
    shift = amounts.get("cut", 0.0)
    across, down = rng.normal(0, SHIFT, 2)
    side = rng.choice((-1.0, 1.0))
    if rng.random() < 0.5:
        across += side * shift
    else:
        down += side * shift
    degrees = rng.normal(0, TURN) + rng.choice((-1.0, 1.0)) * amounts.get("tilt", 0.0)
    return Framing(float(across), float(down), float(degrees), float(np.exp2(rng.normal(0, ZOOM))))
