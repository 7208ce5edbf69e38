"""The order within a series, and in words why a photo is not its best.

The model's scores decide about the order. Words come from what was measured at full resolution, always beside the pick
of the same series: a photo in the dark is not "dark" among others taken in the dark.
"""

import math
from collections.abc import Mapping, Sequence

from smalti.photos.cues import CUES
from smalti.photos.photo import Kind, Look, Photo, Ranked, Series, Verdict

CLOSE = 0.4
"""A photo that beats the pick with at least this probability is too close to call: from 0.4 to 0.6 it is a toss-up."""
ALTERNATE = 0.2
"""With at least this probability a photo is an alternate; below it loses four times of five and is a reject."""

SOFT, MOTION, DARK, BLOWN, HORIZON = "soft", "motion", "dark", "blown highlights", "crooked horizon"
COMPOSITION = "worse composition"
DUPLICATE = "duplicate of"
"""Of a file with the same bytes: it may go, but is no worse."""

SOFTER = 0.25
"""Octaves of fine detail, by coarser detail, below the pick's: a blur of 0.8 pixels takes 0.3, another crop 0.1."""
LESS_IN_FOCUS = 0.35
"""Octaves of fine detail where there is most of it, by the coarsest, below the pick's: of two focus series photos with
the focus elsewhere have lost 0.4 to 1.0, near-duplicates of a sharp photo 0.15."""
SMEARED = 0.2
"""Octaves by which one direction has lost more detail: motion over 7 pixels takes 0.7, defocus and other crops 0.1."""
DARKER = 0.12
"""Mean brightness, of 1, below the pick's: 0.6 times the brightness is told, 0.8 times is not."""
BLACK = 0.1
"""Share of black pixels above the pick's."""
BURNT = 0.02
"""Share of pixels without detail in the lights above the pick's."""
LEANING = 2.0
"""Degrees by which level lines lean more than in the pick."""


def rank(name: str, photos: Sequence[Photo], looks: Sequence[Look], kind: Kind = "series") -> Series:
    """A series, best first; equal scores keep their order. What is no series keeps its order and is not rated."""
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
        reasons = (
            (f"{DUPLICATE} {copy_of}",) if copy_of else faults(looks[i], best) or (() if close else (COMPOSITION,))
        )
        ranked.append(Ranked(photos[i], looks[i], verdict, reasons, chance, close))
    rivals = any(other.close for other in ranked[1:])
    return Series(name, (Ranked(photos[order[0]], best, "pick", (), 0.5, rivals), *ranked[1:]))


def faults(look: Look, best: Look) -> tuple[str, ...]:
    """What can be measured that speaks against a photo beside the best of its series."""
    here, there = _named(look), _named(best)
    smeared = _smear(here) - _smear(there) >= SMEARED
    blurred = _fineness(there) - _fineness(here) >= SOFTER
    softer = blurred or _focus(there) - _focus(here) >= LESS_IN_FOCUS
    dark = there["brightness"] - here["brightness"] >= DARKER or here["dark"] - there["dark"] >= BLACK
    found = {
        MOTION: softer and smeared,
        SOFT: softer and not smeared,
        DARK: dark,
        BLOWN: here["blown"] - there["blown"] >= BURNT,
        HORIZON: here["tilt"] - there["tilt"] >= LEANING,
    }
    return tuple(fault for fault, true in found.items() if true)


def _named(look: Look) -> dict[str, float]:
    return dict(zip(CUES, look.cues.tolist(), strict=True))


def _fineness(cues: Mapping[str, float]) -> float:
    """Octaves: the finest three levels' detail by that of the next coarser ones, where the photo is sharpest."""
    return (cues["fineness_0_p90"] + cues["fineness_1_p90"] + cues["fineness_2_p90"]) / 3


def _focus(cues: Mapping[str, float]) -> float:
    """Octaves: the finest three levels' detail by the coarsest's, each where it is strongest.

    Where a part of a photo stays sharp, no block's own fineness tells that the focus left its main part.
    """
    return (cues["detail_0_p90"] + cues["detail_1_p90"] + cues["detail_2_p90"]) / 3 - cues["detail_4_p90"]


def _smear(cues: Mapping[str, float]) -> float:
    return max(cues["motion_0"], cues["motion_1"], cues["motion_2"])


def _sigmoid(x: float) -> float:
    """Of what is at most 0."""
    return math.exp(x) / (1 + math.exp(x))
