"""The lattice of blocks of one seed: what each holds, and the roads between them.

Kinds follow smooth fields, so that settlements, woods and open country are as large as in real places and no grid of
unlike blocks is seen.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from smalti.synth.lots import Lot
from smalti.synth.seeds import rng_for
from smalti.synth.warp import Points, Warp, warp_of
from smalti.synth.world.setting import Setting, setting_of
from smalti.synth.world.waves import Waves, share

NONE, TRACK, LANE, STREET, AVENUE = range(5)
"""Kinds of roads."""
NEAR = 30.0
"""Metres around a block within which its things stand."""
AROUND = 900
"""Pixels beside the origin that should not be monotonous."""
LEAST_AROUND, MOST_AROUND = 130.0, 500.0
"""Limits of the same in metres."""
TOWN = ("town", "old town", "medina", "estate", "works", "mall", "bazaar", "railway", "harbour")
"""Kinds with paved main streets."""


@dataclass(frozen=True)
class Road:
    """The road on one side of a block."""

    kind: int
    width: float
    """Metres; 0 where there is none."""


@dataclass(frozen=True, eq=False)
class Block:
    """A block of the lattice: its number, what it holds, its lines in the plan (metres) and its roads."""

    i: int
    j: int
    kind: str
    u0: float
    v0: float
    u1: float
    v1: float
    roads: tuple[Road, Road, Road, Road]
    """On its left, top, right and bottom line."""
    corners: Points
    """Left top, right top, right bottom, left bottom: in open country not those of a rectangle, (4, 2)."""

    @property
    def whole(self) -> Lot:
        """The block up to the middle of its roads, or what surrounds it in open country."""
        (u0, v0), (u1, v1) = self.corners.min(0), self.corners.max(0)
        return Lot(u0, v0, u1, v1)

    @property
    def inner(self) -> Lot:
        """The largest rectangle without its roads and their pavements."""
        left, top, right, bottom = self.setbacks
        u, v = self.corners.T
        return Lot(max(u[0], u[3]) + left, max(v[0], v[1]) + top, min(u[1], u[2]) - right, min(v[2], v[3]) - bottom)

    @property
    def setbacks(self) -> tuple[float, float, float, float]:
        """Metres from its left, top, right and bottom line that its roads take."""
        left, top, right, bottom = (
            (r.width / 2 + (0.0, 0.8, 1.5, 2.8, 3.2)[r.kind]) * (1.15 if r.kind else 0.0) for r in self.roads
        )
        return left, top, right, bottom

    def within(self, uv: Points) -> Points:
        """Metres by which plan points (n, 2) lie inside of its roads, below 0 outside, (n, 4): as in `roads`."""
        out = np.empty((len(uv), 4))
        for k, (a, b) in enumerate(((3, 0), (0, 1), (1, 2), (2, 3))):
            way = self.corners[b] - self.corners[a]
            way = way / np.hypot(*way)
            out[:, k] = (uv - self.corners[a]) @ np.array([-way[1], way[0]]) - self.setbacks[k]
        return out


class Layout:
    """The lattice of a setting."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.warp = setting, warp_of(setting.seed)
        seed = setting.seed
        self._urban = Waves(rng_for(seed, "urban"), 500, 2600)
        self._wooded = Waves(rng_for(seed, "wooded"), 400, 2000)
        self._choice = Waves(rng_for(seed, "choice"), 700, 3000)
        self.origin = self._origin()

    def line(self, axis: int, i: int) -> float:
        """Where line `i` of an axis lies in the plan, metres."""
        pitch = self.setting.pitch
        return pitch * i + float(rng_for(self.setting.seed, "line", axis, i).uniform(-0.22, 0.22)) * pitch

    @lru_cache(maxsize=4096)  # noqa: B019  a layout lives as long as the program
    def kind(self, i: int, j: int) -> str:
        """What block (i along u, j along v) holds."""
        at = np.array([[self.line(0, i) + self.line(0, i + 1), self.line(1, j) + self.line(1, j + 1)]]) / 2
        climate, fate = self.setting.climate, float(rng_for(self.setting.seed, "fate", i, j).random())
        urban, wooded, choice = (float(share(field.at(at))[0]) for field in (self._urban, self._wooded, self._choice))
        deep = self.setting.water.at(self.warp.world(at))[0] > 60
        if urban > 1 - climate.urban and not deep:
            kinds = climate.dense if urban > 1 - climate.urban * 0.45 else climate.loose
            kind = kinds[int(fate * len(kinds))]
            return kind if kind != "harbour" or self._at_sea(i, j) else "works"
        if wooded < climate.wooded:
            return "wood"
        return climate.rural[int((choice * 0.6 + fate * 0.4) * len(climate.rural))]

    def _at_sea(self, i: int, j: int) -> bool:
        """Whether water touches a block."""
        u = np.linspace(self.line(0, i), self.line(0, i + 1), 6)
        v = np.linspace(self.line(1, j), self.line(1, j + 1), 6)
        uv = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
        return bool((self.setting.water.at(self.warp.world(uv)) > 0).mean() > 0.1)

    def dry(self, block: Block) -> bool:
        """Whether there is no water in a block and near it."""
        grown = np.array([[-NEAR, -NEAR], [NEAR, -NEAR], [NEAR, NEAR], [-NEAR, NEAR]]) + block.corners
        (u0, v0), (u1, v1) = grown.min(0), grown.max(0)
        uv = np.stack(np.meshgrid(np.arange(u0, u1, 8.0), np.arange(v0, v1, 8.0)), -1).reshape(-1, 2)
        return bool(self.setting.water.at(self.warp.world(uv)).max() < -NEAR / 2)

    def settled(self, kind: str) -> bool:
        """Whether a kind of block has streets."""
        return kind in self.setting.climate.loose or kind in self.setting.climate.dense

    @lru_cache(maxsize=4096)  # noqa: B019
    def road(self, axis: int, i: int, j: int) -> Road:
        """The road on line `i` of `axis` beside block (i, j) or, for axis 1, (j, i)."""
        a, b = ((i, j), (i - 1, j)) if axis == 0 else ((j, i), (j, i - 1))
        kinds = self.kind(*a), self.kind(*b)
        main = float(rng_for(self.setting.seed, "main", axis, i).random())
        if not any(map(self.settled, kinds)):
            country = ((0.14, LANE, 6.2), (0.42, TRACK, 3.0), (1.1, NONE, 0.0))
            return next(Road(kind, width) for limit, kind, width in country if main < limit)
        if any(kind in TOWN for kind in kinds):
            return Road(AVENUE, 15.0) if main < 0.22 else Road(STREET, 9.0 if main < 0.6 else 7.4)
        return Road(STREET, 7.4) if main < 0.35 else Road(LANE, 5.6)

    @lru_cache(maxsize=4096)  # noqa: B019
    def block(self, i: int, j: int) -> Block:
        """Block (i along u, j along v)."""
        roads = self.road(0, i, j), self.road(1, j, i), self.road(0, i + 1, j), self.road(1, j + 1, i)
        corners = np.array([self.corner(i, j), self.corner(i + 1, j), self.corner(i + 1, j + 1), self.corner(i, j + 1)])
        return Block(
            i, j, self.kind(i, j), self.line(0, i), self.line(1, j), self.line(0, i + 1), self.line(1, j + 1),
            roads, corners,
        )  # fmt: skip

    def corner(self, i: int, j: int) -> tuple[float, float]:
        """Where line i along u and line j along v meet; moved at random in open country."""
        u, v = self.line(0, i), self.line(1, j)
        if any(self.settled(self.kind(i - a, j - b)) for a in (0, 1) for b in (0, 1)):
            return u, v
        du, dv = rng_for(self.setting.seed, "corner", i, j).uniform(-0.24, 0.24, 2) * self.setting.pitch
        return u + float(du), v + float(dv)

    def _origin(self) -> tuple[float, float]:
        """A place of the world where unlike things meet: the most varied one of a few."""
        rng = rng_for(self.setting.seed, "origin")
        places = rng.uniform(-20_000, 20_000, (int(rng.integers(4, 18)), 2))
        best = max(places.tolist(), key=self._variety)
        x, y = self.warp.world(np.array([best]))[0].tolist()
        return round(x, 1), round(y, 1)

    def _variety(self, place: list[float]) -> float:
        """How many unlike things there are around a place of the plan."""
        far = min(max(AROUND * self.setting.sensor.pixel, LEAST_AROUND), MOST_AROUND)
        step = np.linspace(-far / 4, far, 7)
        uv = np.array(place) + np.stack(np.meshgrid(step, step), -1).reshape(-1, 2)
        wet = self.setting.water.at(self.warp.world(uv)) > 0
        urban, wooded = share(self._urban.at(uv)), share(self._wooded.at(uv))
        climate = self.setting.climate
        groups: Points = np.where(
            urban > 1 - climate.urban, 2 + (urban > 1 - climate.urban * 0.45), wooded < climate.wooded
        )
        dry, share_wet = len(np.unique(groups[~wet])), float(wet.mean())
        shore, town = 0.04 < share_wet < 0.6, float((groups[~wet] >= 2).mean()) if dry else 0.0
        return dry + 1.2 * shore + 1.0 * (town > 0.15) - 2.5 * max(share_wet - 0.5, 0)


@lru_cache(maxsize=32)
def layout_of(seed: int, climate: str | None = None, sensor: str | None = None) -> Layout:
    """The layout of a seed."""
    return Layout(setting_of(seed, climate, sensor))


__all__ = ["Block", "Layout", "Road", "Warp", "layout_of"]
