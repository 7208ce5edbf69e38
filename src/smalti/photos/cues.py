"""What the full resolution of a photo tells: focus, motion, noise, exposure, tilt, and where its detail lies.

Focus is lost when a photo is made small enough for a network, so these numbers are taken before. All detail comes from
differences of neighbouring pixels in four directions, on a pyramid of halves, in blocks: defocus takes the finer levels
first, motion takes one direction first, noise gives even flat blocks fine detail.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # H,W,3
Grey = NDArray[np.uint8]  # H,W
Floats = NDArray[np.float32]

LEVELS = 5
"""Halves of the pyramid, the photo itself first."""
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
)
"""Names of the numbers, in their order.

detail: log2 of the differences' quadratic mean (grey levels) in the block at that percentile of all blocks, per level.
fineness: log2 of a level's detail by the next coarser one's, block by block.
motion: how much less detail there is along one direction than across it, beyond what the coarsest level has.
blocking: log2 of the differences at JPEG's borders of 8 pixels by all differences. brightness, contrast, tone: 0 to 1.
dark, blown: shares of pixels without detail. colour: mean distance between the channels, 0 to 1. tilt: degrees by
which the lines that should be level or upright lean, 0 where none can be told. upright: log2 of the share of edges
that are level or upright by what chance gives. off_centre: distance of the detail's centre from the middle, 1 at the
border. border: log2 of the detail along the border by that of the whole.
"""

GRID = 24  # blocks along the longer side
SMALLEST = 32  # pixels of a block's side, so that the coarsest level has two of them
FLOOR = 1 / 16  # grey levels; what is below is rounding
SAMPLES = 400_000  # pixels that exposure is taken from
DARK, BLOWN = 6, 250
LINES = 512  # longer side in pixels of the image whose lines are looked at
LEAN = 12.0  # degrees; lines that lean more are meant to
NEAR = 1.5  # degrees around a direction that count for it
CLEAR = 0.12  # share of the edges that must agree on a direction; chance gives 0.03


def cues(pixels: Pixels) -> Floats:
    """The numbers named in CUES of an upright photo H,W,3 (RGB) at full resolution, float32 (K,)."""
    photo = _at_least(np.ascontiguousarray(pixels), 2 * SMALLEST)
    levels: list[Grey] = [_grey(photo)]
    side = max(SMALLEST, max(levels[0].shape) / GRID)
    rows, cols = (max(1, int(length / side)) for length in levels[0].shape)
    while len(levels) < LEVELS:
        height, width = levels[-1].shape
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(half.astype(np.uint8, copy=False))
    directed = np.stack([_differences(level, rows, cols) for level in levels])  # level,direction,row,column
    detail = directed.mean(1)  # level,row,column
    groups = (
        np.percentile(detail, PERCENTILES, axis=(1, 2)).T.ravel(),
        np.percentile(detail[:-1] - detail[1:], (50, 90), axis=(1, 2)).T.ravel(),
        _motion(directed),
        [_blocking(levels[0])],
        _exposure(photo),
        _lines(next((level for level in levels if max(level.shape) <= LINES), levels[-1])),
        _composition(np.exp2(detail[2])),
    )
    return np.concatenate(groups).astype(np.float32)


def _grey(photo: Pixels) -> Grey:
    return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _at_least(photo: Pixels, side: int) -> Pixels:
    factor = side / min(photo.shape[:2])
    if factor <= 1:
        return photo
    larger: Pixels = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    return larger


def _differences(grey: Grey, rows: int, cols: int) -> NDArray[np.float64]:
    """Log2 of the differences 4,rows,cols to the right, down and along both diagonals, the latter per pixel's side.

    Differences are quadratic means: plain ones do not tell a soft edge from a sharp one of the same height.
    """
    squares = np.empty((4, rows, cols))
    for row, (top, bottom) in enumerate(pairwise(np.linspace(0, grey.shape[0], rows + 1).astype(int))):
        for col, (left, right) in enumerate(pairwise(np.linspace(0, grey.shape[1], cols + 1).astype(int))):
            s = grey[top:bottom, left:right]
            pairs = ((s[:, 1:], s[:, :-1]), (s[1:], s[:-1]), (s[1:, 1:], s[:-1, :-1]), (s[1:, :-1], s[:-1, 1:]))
            squares[:, row, col] = [cv2.norm(a, b, cv2.NORM_L2SQR) / a.size for a, b in pairs]
    squares[2:] /= 2
    logarithms: NDArray[np.float64] = np.log2(squares + FLOOR**2) / 2
    return logarithms


def _motion(directed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per level but the coarsest: the length of (right - down, one diagonal - the other), the coarsest's taken off."""
    own = np.median(directed[:, ::2] - directed[:, 1::2], axis=(2, 3))  # level,(axes, diagonals)
    beyond: NDArray[np.float64] = np.linalg.norm(own[:-1] - own[-1], axis=1)
    return beyond


def _blocking(grey: Grey) -> float:
    some = grey[:: max(1, len(grey) // 256)]
    difference = cv2.absdiff(some[:, 1:], some[:, :-1])
    profile = cv2.reduce(difference, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[0] + FLOOR
    phases = [profile[phase::8].mean() for phase in range(8)]
    return float(np.log2(max(phases) / np.mean(phases)))


def _exposure(photo: Pixels) -> list[float]:
    step = max(1, int(np.sqrt(photo.shape[0] * photo.shape[1] / SAMPLES)))
    some = np.ascontiguousarray(photo[step // 2 :: step, step // 2 :: step])
    grey = _grey(some)
    red, green, blue = cv2.split(some)
    low, high = cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)
    shares = [float((high <= DARK).mean()), float((high >= BLOWN).mean())]
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256)) / grey.size
    tones = np.searchsorted(below, np.array(TONES) / 100) / 255
    return [
        float(grey.mean()) / 255,
        float(grey.std()) / 255,
        *shares,
        *tones,
        float(cv2.subtract(high, low).mean()) / 255,
    ]


def _lines(grey: Grey) -> list[float]:
    """Tilt in degrees and uprightness; see CUES."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)
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
    middles = np.arange(-44.75, 45, 0.5)
    near_axis = np.where(np.abs(middles) <= LEAN, near, 0)
    best = near_axis.max()
    tilt = np.abs(middles[near_axis >= 0.99 * best]).min() if best >= CLEAR else 0.0
    by_chance = width * 0.5 / 90
    return [float(tilt), float(np.log2(near[np.abs(middles) < 0.5].mean() / by_chance + FLOOR))]


def _composition(detail: NDArray[np.float64]) -> list[float]:
    rows, cols = detail.shape
    down, across = np.linspace(-1, 1, 2 * rows + 1)[1::2], np.linspace(-1, 1, 2 * cols + 1)[1::2]
    total = detail.sum()
    centre = np.hypot((detail.sum(1) * down).sum() / total, (detail.sum(0) * across).sum() / total)
    outer = np.ones(detail.shape, bool)
    outer[1:-1, 1:-1] = False
    return [float(centre), float(np.log2(detail[outer].mean() / detail.mean()))]
