"""Cues measured from a photo at full size: focus, motion, noise, exposure, tilt, composition, and its subject.

Focus is lost when a photo is shrunk for a network, so these numbers are measured before that: on a grid of one size for
all photos, so that they do not depend on the camera's number of pixels. All detail comes from differences of
neighbouring pixels in four directions, on a pyramid of halves, in blocks: defocus reduces the finer levels first,
motion reduces one direction first, noise adds fine detail even to flat blocks. Rotated and mirrored photos give the
same numbers, except for rounding.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats, Picture
from smalti.photos.reduce import reduced

Blocks = NDArray[np.float64]  # GRID,GRID

LEVELS = 5
"""Levels of the pyramid, each half of the one before; the first is the grid itself."""
PERCENTILES = (10, 50, 90, 98)
TONES = (5, 50, 95)
CUES: tuple[str, ...] = (
    *(f"detail_{level}_p{p}" for level in range(LEVELS) for p in PERCENTILES),
    *(f"fineness_{level}_p{p}" for level in range(LEVELS - 1) for p in (50, 90)),
    *(f"motion_{level}" for level in range(LEVELS - 1)),
    "blocking",
    "brightness",
    "contrast",
    "dark",
    "blown",
    *(f"tone_p{p}" for p in TONES),
    "colour",
    "tilt",
    "upright",
    "off_centre",
    "border",
    *(f"subject_{level}" for level in range(LEVELS)),
    *(f"subject_fineness_{level}" for level in range(LEVELS - 1)),
    *(f"around_fineness_{level}" for level in range(LEVELS - 1)),
)
"""Names of the numbers that a ranker takes as input, in order.

detail: log2 of the differences' quadratic mean (grey levels) in the block at that percentile of all blocks, per level.
fineness: log2 of a level's detail by the next coarser one's, block by block.
motion: how much less detail there is along one direction than across it, beyond what the coarsest level has.
blocking: log2 of the differences' beat at JPEG's 8 pixels by what surrounds it. brightness, contrast, tone: 0 to 1.
dark, blown: shares of pixels without detail. colour: mean distance between the channels, 0 to 1. tilt: degrees by
which the lines that should be level or upright lean, 0 where none is found. upright: log2 of the share of edges
that are level or upright by what chance gives. off_centre: distance of the detail's centre from the middle, 1 at the
border. border: log2 of the detail along the border by that of the whole. subject: log2 of the differences' quadratic
mean where the subject is, per level; subject_fineness: a level's by that of the next coarser one, around_fineness: the
same where it is not.
"""
MEASURES: tuple[str, ...] = (*CUES, "sharpness")
"""Names of all measures: the inputs of a ranker, and one that is only used for reasons.

sharpness: log2 of the deviation of the Laplacian at full resolution, the finest measure.
"""

SIDE = 1024  # pixels of the grid's longer side; smaller photos are not enlarged
STRIP = 64  # rows processed together at full resolution
GRID = 20  # blocks along each side
SMALLEST = 64  # pixels of a photo's shorter side; a smaller one is enlarged
FLOOR = 1 / 16  # grey levels; anything below is rounding
DARK, BLOWN = 6, 250
LINES = 512  # longer side in pixels of the image in which lines are measured
LEAN = 12.0  # degrees; lines that lean more are taken as intended
NEAR = 1.5  # degrees around a direction that count towards it
CLEAR = (0.09, 0.15)  # share of the edges that must agree on a direction, from doubt to certainty; chance gives 0.03
PEAK = 24  # power by which the most frequent direction outweighs others
CENTRAL = 0.3  # deviation of the middle's weight, of half a side
COMMON = 0.25  # weight of a block with the border's colour, relative to one that differs most


def cues(pixels: Picture) -> Floats:
    """The numbers named in CUES.

    Args:
        pixels: an upright photo, H,W,3 uint8 (RGB), at full resolution.

    Returns:
        (K,) float32, one number per name in CUES.
    """
    photo = reduced(_at_least(np.ascontiguousarray(pixels), SMALLEST), SIDE)
    levels = [_padded(_grey(photo))]
    while len(levels) < LEVELS:
        levels.append(cv2.pyrDown(levels[-1]).astype(np.float32, copy=False))
    directed = np.stack([_differences(level) for level in levels])  # level,direction,row,column
    detail = directed.mean(1)  # level,row,column
    fineness = detail[:-1] - detail[1:]
    weights = subject(photo)
    inside, around = (_within(detail, part) for part in (weights, (weights.max() - weights) ** 4))
    groups = (
        np.percentile(detail, PERCENTILES, axis=(1, 2)).T.ravel(),
        np.percentile(fineness, (50, 90), axis=(1, 2)).T.ravel(),
        _motion(directed),
        [_blocking(pixels)],
        _exposure(photo),
        _lines(next((level for level in levels if max(level.shape) <= LINES), levels[-1])),
        _composition(np.exp2(detail[2])),
        inside,
        inside[:-1] - inside[1:],
        around[:-1] - around[1:],
    )
    return np.concatenate(groups).astype(np.float32)


def measures(pixels: Picture) -> Floats:
    """The numbers named in MEASURES, float32 (M,), of a photo as for `cues`; those of CUES come first."""
    return np.append(cues(pixels), np.float32(_sharpness(pixels)))


def subject(photo: Picture) -> Blocks:
    """Where the subject of a photo H,W,3 may be: weights GRID,GRID with the sum 1.

    The middle, and in it what differs in colour from the border (after Achanta et al., 2009). Computed from block
    averages, which hardly depend on focus: otherwise the sharper of two objects would always be the subject.
    """
    small = cv2.resize(photo, (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    edge = np.ones((GRID, GRID), bool)
    edge[2:-2, 2:-2] = False
    differs = np.linalg.norm(lab - lab[edge].mean(0), axis=2).astype(np.float64)
    at = np.linspace(-1, 1, 2 * GRID + 1)[1::2] / CENTRAL
    middle = np.exp(-np.add.outer(at**2, at**2) / 2)
    weights: Blocks = middle * (COMMON + differs / (differs.max() + 1e-3))
    weights /= weights.sum()
    return weights


def _within(detail: NDArray[np.float64], weights: Blocks) -> NDArray[np.float64]:
    """Log2 of the quadratic mean per level: flat areas say nothing about focus."""
    logarithms: NDArray[np.float64] = np.log2((np.exp2(2 * detail) * weights).sum((1, 2)) / weights.sum()) / 2
    return logarithms


def _grey(photo: Picture) -> Floats:
    return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _padded(grey: Floats) -> Floats:
    """Mirror-padded so that the sides are odd on every level: halving an odd side keeps its first and last pixel."""
    odd = 2 ** (LEVELS - 1)
    down, across = ((1 - length) % odd for length in grey.shape)
    sides = (down // 2, down - down // 2, across // 2, across - across // 2)
    return cv2.copyMakeBorder(grey, *sides, cv2.BORDER_REFLECT_101).astype(np.float32, copy=False)


def _at_least(photo: Picture, side: int) -> Picture:
    factor = side / min(photo.shape[:2])
    if factor <= 1:
        return photo
    larger: Picture = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    return larger


def _differences(grey: Floats) -> NDArray[np.float64]:
    """Log2 of the differences 4,GRID,GRID to the right, down and along both diagonals, the latter per pixel side.

    Quadratic means, since plain ones do not distinguish a soft edge from a sharp one of the same height.
    """
    pairs = (
        (grey[:, 1:], grey[:, :-1]),
        (grey[1:], grey[:-1]),
        (grey[1:, 1:], grey[:-1, :-1]),
        (grey[1:, :-1], grey[:-1, 1:]),
    )
    squares = np.stack([_blocks((a - b) ** 2) for a, b in pairs]).astype(np.float64)
    squares[2:] /= 2
    logarithms: NDArray[np.float64] = np.log2(squares + FLOOR**2) / 2
    return logarithms


def _blocks(values: Floats) -> Floats:
    """The mean of each of GRID,GRID equal areas, parts of a pixel included."""
    rows, cols = (length if length >= GRID else length * GRID for length in values.shape)
    if (rows, cols) != values.shape:  # INTER_AREA interpolates where it enlarges
        values = np.ascontiguousarray(values.repeat(rows // values.shape[0], 0).repeat(cols // values.shape[1], 1))
    return cv2.resize(values, (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _motion(directed: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each level except the coarsest: length of (right - down, one diagonal - the other), minus the coarsest's."""
    own = np.median(directed[:, ::2] - directed[:, 1::2], axis=(2, 3))  # level,(axes, diagonals)
    beyond: NDArray[np.float64] = np.linalg.norm(own[:-1] - own[-1], axis=1)
    return beyond


def _blocking(photo: Picture) -> float:
    """Mean over both directions, on a sample of full lines."""
    green = photo[..., 1]
    rows, cols = (max(1, length // 256) for length in green.shape)
    across, down = np.ascontiguousarray(green[::rows]), np.ascontiguousarray(green[:, ::cols].T)
    return float(np.mean([_beat(across), _beat(down)]))


def _beat(lines: NDArray[np.uint8]) -> float:
    """Log2 of the strongest frequency about 1/8 in the mean differences along lines, by those around it."""
    profile = cv2.absdiff(lines[:, 1:], lines[:, :-1]).mean(0) if lines.shape[1] > 1 else np.zeros(1)
    if len(profile) < 8 * 8:
        return 0.0
    strength = np.abs(np.fft.rfft((profile - profile.mean()) * np.hanning(len(profile)))) / len(profile)
    low, high = int(len(profile) / 8 * 0.97), int(np.ceil(len(profile) / 8 * 1.03)) + 1
    around = np.median(strength[int(0.75 * low) : int(1.25 * high)])
    return float(np.log2((strength[low:high].max() + FLOOR / 8) / (around + FLOOR / 8)))


def _sharpness(photo: Picture) -> float:
    """Computed strip by strip, so that memory holds no second photo."""
    total = squares = 0.0
    for top in range(0, len(photo), STRIP):
        grey = cv2.cvtColor(photo[top : top + STRIP], cv2.COLOR_RGB2GRAY)
        mean, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
        total += mean[0, 0] * len(grey)
        squares += (deviation[0, 0] ** 2 + mean[0, 0] ** 2) * len(grey)
    variance = squares / len(photo) - (total / len(photo)) ** 2
    return float(np.log2(max(variance, 0.0) + FLOOR**2)) / 2


def _exposure(photo: Picture) -> list[float]:
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    red, green, blue = cv2.split(photo)
    low, high = cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)
    shares = [float((high <= DARK).mean()), float((high >= BLOWN).mean())]
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256)) / grey.size
    tones = np.interp(np.array(TONES) / 100, below, np.arange(256)) / 255
    return [
        float(grey.mean()) / 255,
        float(grey.std()) / 255,
        *shares,
        *tones,
        float(cv2.subtract(high, low).mean()) / 255,
    ]


def _lines(grey: Floats) -> list[float]:
    """Tilt in degrees and uprightness; see CUES."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(across, down, angleInDegrees=True)
    lean = (angle + 45) % 90 - 45  # from the nearest axis
    strong = strength > max(np.percentile(strength, 85), 1.0)
    if not strong.any():
        return [0.0, 0.0]
    counts, _ = np.histogram(lean[strong], np.arange(-45, 45.25, 0.5), weights=strength[strong])
    width = int(2 * NEAR / 0.5) + 1
    near = np.convolve(np.concatenate((counts[-width:], counts, counts[:width])), np.ones(width), "same")
    near = near[width:-width] / counts.sum()  # share of the edges within NEAR of each bin's middle
    near = np.maximum(near, near[::-1])  # a mirrored photo leans as much
    middles = np.arange(-44.75, 45, 0.5)
    near_axis = np.where(np.abs(middles) <= LEAN, near, 0)
    best = near_axis.max()
    certain = np.clip((best - CLEAR[0]) / (CLEAR[1] - CLEAR[0]), 0, 1)
    weights = (near_axis / max(best, 1e-9)) ** PEAK
    tilt = certain * (weights * np.abs(middles)).sum() / weights.sum()
    by_chance = width * 0.5 / 90
    return [float(tilt), float(np.log2(near[np.abs(middles) < 0.5].mean() / by_chance + FLOOR))]


def _composition(detail: Blocks) -> list[float]:
    at = np.linspace(-1, 1, 2 * GRID + 1)[1::2]
    total = detail.sum()
    centre = np.hypot((detail.sum(1) * at).sum() / total, (detail.sum(0) * at).sum() / total)
    outer = np.ones(detail.shape, bool)
    outer[1:-1, 1:-1] = False
    return [float(centre), float(np.log2(detail[outer].mean() / detail.mean()))]
