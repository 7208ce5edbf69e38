"""What lies in the shadow: rays to the sun above a map of heights."""

import numpy as np

from smalti.arrays import Floats


def highest_rays(height: Floats, sun: tuple[float, float], fall: float, reach: int) -> Floats:
    """How far above each pixel's own height the highest ray is that something throws there; square, metres.

    A point is dark if along the way to the sun something stands higher than the ray. The ray is walked by doubling:
    after step k every pixel knows the highest ray of its 2**k pixels towards the sun.

    Args:
        height: metres, (size, size).
        sun: unit vector towards the sun, columns and rows.
        fall: metres by which a ray falls per pixel.
        reach: pixels from which shadows may come.
    """
    size = len(height)
    ray = height.copy()
    scratch = np.empty_like(ray)
    step = 1
    while step < reach:
        dx, dy = round(step * sun[0]), round(step * sun[1])
        here, there = (_cut(-dy, size), _cut(-dx, size)), (_cut(dy, size), _cut(dx, size))
        moved = scratch[here]
        np.subtract(ray[there], np.float32(fall * float(np.hypot(dx, dy))), out=moved)
        np.maximum(ray[here], moved, out=moved)
        ray[here] = moved
        step *= 2
    ray -= height
    return ray


def _cut(by: int, size: int) -> slice:
    return slice(max(by, 0), size + min(by, 0))
