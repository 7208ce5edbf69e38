"""The smooth deformation between the plan of the town and the world.

The plan has straight streets in coordinates (u, v); smooth waves and one turn carry it to the world (x, y).
All lengths are metres. x runs with columns, y with rows.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from smalti.synth.seeds import rng_for

Points = npt.NDArray[np.float64]


class Warp:
    """Plan to world of one seed: a rotation and a sum of waves, so gentle that nothing folds."""

    def __init__(self, seed: int) -> None:
        rng = rng_for(seed, "warp")
        angle = rng.uniform(0, 2 * np.pi)
        c, s = np.cos(angle), np.sin(angle)
        self.turn: Points = np.array([[c, -s], [s, c]])
        lengths = np.array([2100.0, 1300.0, 800.0, 520.0, 330.0])
        slopes = np.array([0.12, 0.14, 0.17, 0.17, 0.12]) * rng.uniform(0.5, 1.1)
        heading = rng.uniform(0, 2 * np.pi, 5)
        self.waves: Points = 2 * np.pi / lengths[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)
        self.phase: Points = rng.uniform(0, 2 * np.pi, 5)
        push = rng.uniform(0, 2 * np.pi, 5)
        self.push: Points = (slopes * lengths / (2 * np.pi))[:, None] * np.stack([np.cos(push), np.sin(push)], 1)

    def world(self, uv: Points) -> Points:
        """Plan points (n, 2) in the world, (n, 2)."""
        moved: Points = (uv + np.sin(uv @ self.waves.T + self.phase) @ self.push) @ self.turn.T
        return moved

    def plan(self, xy: Points) -> Points:
        """World points (n, 2) in the plan, by fixed-point steps; within a centimetre."""
        flat = xy @ self.turn
        uv = flat
        for _ in range(24):
            uv = flat - np.sin(uv @ self.waves.T + self.phase) @ self.push
        return uv

    def axes(self, uv: Points) -> Points:
        """World vectors of one metre along u and along v at plan points, (n, 2 axes, 2)."""
        swing = np.cos(uv @ self.waves.T + self.phase)  # n, waves
        bend = np.einsum("nk,ka,kb->nab", swing, self.waves, self.push)  # n, axis, component
        axes: Points = (np.eye(2) + bend) @ self.turn.T
        return axes


@lru_cache(maxsize=64)
def warp_of(seed: int) -> Warp:
    """The warp of a seed's world."""
    return Warp(seed)
