"""Photos that belong together because they differ: exposure brackets and focus stacks, which have no best photo.

An exposure bracket is recognised by EXIF: the camera sets ExposureMode 2 (auto bracket), or three photos or more follow
one another immediately with different exposure biases or, in manual mode, with different exposure times. A focus stack
leaves no trace in EXIF, so it is recognised by the pixels: nothing moves, and the sharp area moves from photo to photo.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from smalti.photos.photo import Exposure, Kind, Look, Photo

AUTO_BRACKET = 2
MANUAL = 1
AT_ONCE = 2.0
"""Maximum seconds from the end of an exposure to the next one, in a bracket that the camera does not mark as one."""
ONE_BY_ONE = 30.0
"""The same where the camera marks the bracket, but the shutter is pressed for each photo."""
FEWEST = 3
"""Minimum number of photos of a bracket that the camera does not mark as one, and of a focus stack."""
STEP = 1.5
"""Minimum ratio of two exposure times of a manual bracket: more than half a stop."""
STILL = 12.0
"""Grey levels by which the brightness of a block, relative to its photo's, may change where nothing moves."""
CLEAR = 0.35
"""Octaves of detail by which one photo must be sharper than another in a block."""
SLACK = 0.15
"""Octaves by which detail may fall before the sharpest photo, or rise after it: noise."""
SHARE = 0.04
"""Minimum share of the blocks where the first of two photos must be sharper, and of those where the second must: two
real focus stacks have 0.05 and 0.24, bursts with shake, blur or a moving camera at most 0.02."""


def kind_of(photos: Sequence[Photo], looks: Sequence[Look]) -> Kind:
    """The kind of a series.

    Args:
        photos: the photos of the series, in order of time.
        looks: the look of each photo.
    """
    if len(photos) == 1:
        return "single"
    if sum(map(len, exposure_sets(photos))) == len(photos):
        return "exposure bracket"
    return "focus stack" if _is_focus_stack(photos, looks) else "series"


def exposure_sets(photos: Sequence[Photo]) -> list[list[int]]:
    """The exposure brackets among photos in order of time, as lists of indices; each camera is treated separately."""
    cameras: dict[str, list[int]] = {}
    for i, photo in enumerate(photos):
        if photo.clock is not None:
            cameras.setdefault(photo.camera, []).append(i)
    found = []
    for members in cameras.values():
        for a, b in _sets([photos[i] for i in members]):
            found.append(members[a:b])
    return found


def _sets(photos: Sequence[Photo]) -> list[tuple[int, int]]:
    """Begin and end of each bracket: it ends where an exposure repeats, or the camera pauses."""
    bounds = [0]
    for k, (before, after) in enumerate(pairwise(photos), start=1):
        pause = (after.clock or 0.0) - (before.clock or 0.0) - (before.exposure.seconds or 0.0)
        longest = ONE_BY_ONE if before.exposure.mode == AUTO_BRACKET else AT_ONCE
        alike = (before.exposure.mode == AUTO_BRACKET) == (after.exposure.mode == AUTO_BRACKET)
        if pause > longest or not alike or _repeats(after.exposure, [p.exposure for p in photos[bounds[-1] : k]]):
            bounds.append(k)
    return [(a, b) for a, b in pairwise([*bounds, len(photos)]) if _is_bracket(photos[a:b])]


def _repeats(exposure: Exposure, known: Sequence[Exposure]) -> bool:
    """Whether this bias occurred before; where all biases are equal, as in manual mode, whether this exposure did."""
    by_light = exposure.mode in (AUTO_BRACKET, MANUAL) and {one.bias for one in known} == {exposure.bias}
    return exposure in known if by_light else exposure.bias in {one.bias for one in known}


def _is_bracket(photos: Sequence[Photo]) -> bool:
    exposures = [photo.exposure for photo in photos]
    if all(exposure.mode == AUTO_BRACKET for exposure in exposures):
        return len(photos) > 1
    by_bias = len({exposure.bias for exposure in exposures} - {None}) == len(photos)
    by_hand = {(exposure.mode, exposure.aperture, exposure.iso) for exposure in exposures}
    by_time = len(by_hand) == 1 and exposures[0].mode == MANUAL and _apart([one.seconds or 0.0 for one in exposures])
    return len(photos) >= FEWEST and (by_bias or by_time)


def _apart(seconds: Sequence[float]) -> bool:
    """Whether exposure times clearly differ."""
    ordered = sorted(seconds)
    return ordered[0] > 0 and all(after >= STEP * before for before, after in pairwise(ordered))


def _is_focus_stack(photos: Sequence[Photo], looks: Sequence[Look]) -> bool:
    """Whether different parts are sharp in turn while nothing moves."""
    steady = {(photo.exposure.bias, photo.exposure.aperture) for photo in photos}
    if len(photos) < FEWEST or len(steady) > 1 or not all(look.blocks.size for look in looks):
        return False
    detail, brightness = (np.stack([look.blocks[k].ravel() for look in looks]) for k in (0, 1))  # photos, blocks
    still = np.ptp(brightness - brightness.mean(1, keepdims=True), axis=0) <= STILL
    clear = still & _falls_off(detail, detail.argmax(0))
    gains = (np.where(clear, a - b, 0) for a, b in combinations(detail, 2))
    return any(min((gain >= CLEAR).mean(), (gain <= -CLEAR).mean()) >= SHARE for gain in gains)


def _falls_off(detail: NDArray[np.float32], peaks: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the detail (photos, blocks) rises up to its peak and falls after it, as in a focus stack."""
    steps, at = np.diff(detail, axis=0), np.arange(len(detail) - 1)[:, None]
    wrong = np.where(at < peaks, -steps, steps)
    return np.asarray((wrong <= SLACK).all(0))
