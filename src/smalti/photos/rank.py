"""Ranks the photos of a series, and says in words why a photo is not the best.

The model's scores decide the order. Reasons come from measurements, always relative to the pick of the same series: a
photo in the dark is not "dark" among others taken in the dark. Where no measure differs by its margin, none is named.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from smalti.photos.cues import MEASURES
from smalti.photos.photo import Kind, Look, Photo, Ranked, Series, Verdict

CLOSE = 0.4
"""A photo that beats the pick with at least this probability is too close to call: from 0.4 to 0.6 it is a toss-up."""
ALTERNATE = 0.2
"""With at least this probability a photo is an alternate; below, it loses four times out of five and is a reject."""

SOFT, MOTION, ELSEWHERE = "soft", "motion", "focus elsewhere"
DARK, BLOWN, HORIZON = "dark", "blown highlights", "crooked horizon"
UNMEASURED = "the model prefers the pick"
DUPLICATE = "duplicate of"
"""For a file with the same bytes: not needed, but no worse."""

SOFTER = 0.15
"""Octaves of fine detail, relative to coarser detail, below the pick's: a blur of 2 pixels of 1300 removes 0.28,
near-duplicates and other crops differ by up to 0.06."""
LESS_IN_FOCUS = 0.25
"""Octaves of fine detail where there is most of it, relative to the coarsest, below the pick's: in two focus series,
photos with the focus elsewhere have lost 0.3 to 1.3; near-duplicates and other crops differ by up to 0.1."""
FINEST = 0.1
"""Octaves by which a soft photo's finest measure must also lie below the pick's."""
AS_SHARP = 0.06
"""Octaves by which the rest of a photo may be softer where only the subject is out of focus."""
SMEARED = 0.15
"""Octaves by which one direction has lost more detail: motion over 14 pixels removes 0.3, near-duplicates and other
crops differ by up to 0.1."""
DARKER = 0.12
"""Mean brightness, 0 to 1, below the pick's: 0.6 times the brightness is reported, 0.8 times is not."""
BURNT, TIMES = 0.02, 1.5
"""By how much, and by what factor, the share of blown pixels must exceed the pick's."""
LEANING = 2.0
"""Degrees by which level lines lean more than in the pick."""
SHIFTED = 0.02
"""Brightness by which three of four blocks must differ before a photo counts as darker or brighter."""


def rank(name: str, photos: Sequence[Photo], looks: Sequence[Look], kind: Kind = "series") -> Series:
    """Ranks photos, best first; equal scores keep their order.

    Args:
        name: of the series.
        photos: its photos, in order of time.
        looks: the look of each photo.
        kind: photos of a kind other than "series" keep their order and are not rated.
    """
    kind = "single" if len(photos) == 1 else kind
    if kind != "series":
        unrated = (Ranked(photo, look, "unrated", (), 0.5, False) for photo, look in zip(photos, looks, strict=True))
        return Series(name, tuple(unrated), kind)
    order = sorted(range(len(photos)), key=lambda i: -looks[i].score)
    best = looks[order[0]]
    first: dict[str, str] = {}  # the first photo of each content, by its name
    ranked: list[Ranked] = []
    for i in order:
        copy_of = first.get(photos[i].sha256, "")
        first.setdefault(photos[i].sha256, photos[i].path.name)
        chance = _sigmoid(looks[i].score - best.score)
        close = chance >= CLOSE and not copy_of
        verdict: Verdict = "alternate" if chance >= ALTERNATE else "reject"
        reasons = (f"{DUPLICATE} {copy_of}",) if copy_of else faults(looks[i], best) or (() if close else (UNMEASURED,))
        ranked.append(Ranked(photos[i], looks[i], verdict, reasons, chance, close))
    rivals = any(other.close for other in ranked[1:])
    return Series(name, (Ranked(photos[order[0]], best, "pick", (), 0.5, rivals), *ranked[1:]))


def faults(look: Look, best: Look) -> tuple[str, ...]:
    """The measurable faults of a photo relative to the best of its series, in words."""
    here, there = _named(look), _named(best)
    finest = here["sharpness"] - there["sharpness"]
    blurred = _fineness(there) - _fineness(here) >= SOFTER or _focus(there) - _focus(here) >= LESS_IN_FOCUS
    softer = finest <= -FINEST and blurred
    sharp_around = _finest(here, "around_fineness_{}") >= _finest(there, "around_fineness_{}") - AS_SHARP
    elsewhere = sharp_around and _finest(there, "subject_fineness_{}") - _finest(here, "subject_fineness_{}") >= SOFTER
    smeared = _smear(here) - _smear(there) >= SMEARED
    darker, brighter = _light(look, best)
    found = {
        MOTION: softer and smeared,
        SOFT: softer and not smeared,
        ELSEWHERE: not softer and elsewhere,
        DARK: there["brightness"] - here["brightness"] >= DARKER and darker,
        BLOWN: here["blown"] >= max(there["blown"] + BURNT, there["blown"] * TIMES) and brighter,
        HORIZON: here["tilt"] - there["tilt"] >= LEANING,
    }
    return tuple(fault for fault, true in found.items() if true)


def _light(look: Look, best: Look) -> tuple[bool, bool]:
    """Whether nearly all of a photo is darker than the pick, and whether it is brighter; else its content differs."""
    if not look.blocks.size or not best.blocks.size:
        return False, False
    brighter = (look.blocks[1] - best.blocks[1]) / 255
    return bool(np.percentile(brighter, 75) <= -SHIFTED), bool(np.percentile(brighter, 25) >= SHIFTED)


def _named(look: Look) -> dict[str, float]:
    return dict(zip(MEASURES, look.cues.tolist(), strict=True))


def _finest(cues: Mapping[str, float], name: str) -> float:
    """Mean over the three finest levels."""
    return sum(cues[name.format(level)] for level in range(3)) / 3


def _fineness(cues: Mapping[str, float]) -> float:
    """Octaves: detail of the finest three levels relative to the next coarser ones, where the photo is sharpest."""
    return _finest(cues, "fineness_{}_p90")


def _focus(cues: Mapping[str, float]) -> float:
    """Octaves: detail of the finest three levels relative to the coarsest, each where it is strongest.

    Where a part of a photo stays sharp, fineness per block does not reveal that the main part is out of focus.
    """
    return _finest(cues, "detail_{}_p90") - cues["detail_4_p90"]


def _smear(cues: Mapping[str, float]) -> float:
    return max(cues["motion_0"], cues["motion_1"], cues["motion_2"])


def _sigmoid(x: float) -> float:
    """The logistic function for x <= 0."""
    return math.exp(x) / (1 + math.exp(x))
