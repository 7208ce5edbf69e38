"""Photos that belong together because they differ: exposure brackets and focus stacks. None of them is the best one.

An exposure bracket is told by EXIF: the camera says that it brackets (ExposureMode 2), or three photos or more follow
one another at once with different exposure biases, or, where it is set by hand, with different exposure times. A focus
stack leaves no trace in EXIF, so that it is told by the pixels: nothing moves, and the place that is sharp wanders from
photo to photo.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from smalti.photos.photo import Exposure, Kind, Look, Photo

AUTO_BRACKET = 2
MANUAL = 1
AT_ONCE = 2.0
"""Seconds from the end of an exposure to the next one of a bracket that the camera does not call one."""
ONE_BY_ONE = 30.0
"""The same where the camera calls it one, but wants the shutter pressed for each."""
FEWEST = 3
"""Photos of a bracket that the camera does not call one, and of a focus stack."""
STEP = 1.5
"""Times by which two exposure times of a bracket by hand differ at least: more than half a stop."""
STILL = 12.0
"""Grey levels that the brightness of a block may change by, beside the photo's, where nothing moves."""
CLEAR = 0.35
"""Octaves of detail by which one photo is sharper than another one in a block."""
SLACK = 0.15
"""Octaves that detail may fall on its way to the sharpest photo, or rise behind it: noise."""
SHARE = 0.04
"""Of the blocks, where the one of two photos must be sharper, and where the other one must: two real focus stacks have
0.05 and 0.24, bursts with shake, blur or a moving camera at most 0.02."""


def kind_of(photos: Sequence[Photo], looks: Sequence[Look]) -> Kind:
    """What these photos of one series, in the order of time, are together."""
    if len(photos) == 1:
        return "single"
    if sum(map(len, exposure_sets(photos))) == len(photos):
        return "exposure bracket"
    return "focus stack" if _is_focus_stack(photos, looks) else "series"


def exposure_sets(photos: Sequence[Photo]) -> list[list[int]]:
    """The exposure brackets among photos in the order of time, as indices; each camera's are looked at alone."""
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
    """Begin and end of each bracket: it ends where an exposure comes back, or the camera pauses."""
    bounds = [0]
    for k, (before, after) in enumerate(pairwise(photos), start=1):
        pause = (after.clock or 0.0) - (before.clock or 0.0) - (before.exposure.seconds or 0.0)
        longest = ONE_BY_ONE if before.exposure.mode == AUTO_BRACKET else AT_ONCE
        alike = (before.exposure.mode == AUTO_BRACKET) == (after.exposure.mode == AUTO_BRACKET)
        if pause > longest or not alike or _comes_back(after.exposure, [p.exposure for p in photos[bounds[-1] : k]]):
            bounds.append(k)
    return [(a, b) for a, b in pairwise([*bounds, len(photos)]) if _is_bracket(photos[a:b])]


def _comes_back(exposure: Exposure, known: Sequence[Exposure]) -> bool:
    """Whether there was this bias; where all biases are the same, as in a bracket by hand, whether this light."""
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
    """Whether exposure times are so different that nobody takes them for one."""
    ordered = sorted(seconds)
    return ordered[0] > 0 and all(after >= STEP * before for before, after in pairwise(ordered))


def _is_focus_stack(photos: Sequence[Photo], looks: Sequence[Look]) -> bool:
    """Whether one part after the other is sharp while nothing moves."""
    steady = {(photo.exposure.bias, photo.exposure.aperture) for photo in photos}
    if len(photos) < FEWEST or len(steady) > 1 or not all(look.blocks.size for look in looks):
        return False
    detail, brightness = (np.stack([look.blocks[k].ravel() for look in looks]) for k in (0, 1))  # photos, blocks
    still = np.ptp(brightness - brightness.mean(1, keepdims=True), axis=0) <= STILL
    told = still & _falls_off(detail, detail.argmax(0))
    gains = (np.where(told, a - b, 0) for a, b in combinations(detail, 2))
    return any(min((gain >= CLEAR).mean(), (gain <= -CLEAR).mean()) >= SHARE for gain in gains)


def _falls_off(detail: NDArray[np.float32], peaks: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the detail (photos, blocks) rises up to its peak and falls behind it, as on a walk of the focus."""
    steps, at = np.diff(detail, axis=0), np.arange(len(detail) - 1)[:, None]
    wrong = np.where(at < peaks, -steps, steps)
    return np.asarray((wrong <= SLACK).all(0))
