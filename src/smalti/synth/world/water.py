"""Water: where it lies, as a field of metres from the shore, and its light from turquoise to brown and black."""

import math
from dataclasses import dataclass

import numpy as np

from smalti.arrays import Floats
from smalti.synth.seeds import rng_for
from smalti.synth.warp import Points
from smalti.synth.world.noise import Noise
from smalti.synth.world.waves import Waves

Colour = tuple[float, float, float]
DRY = -1e4
"""Metres from the shore where there is no water at all."""


@dataclass(frozen=True)
class Body:
    """A kind of water."""

    deep: Colour
    ground: Colour
    """Colour of shallow places."""
    clear: float
    """Metres from the shore within which the ground shines through."""


BODIES: dict[str, Body] = {
    "turquoise": Body((34, 110, 130), (168, 196, 172), 28.0),
    "blue": Body((34, 70, 102), (120, 150, 140), 14.0),
    "deep blue": Body((18, 42, 74), (92, 132, 134), 10.0),
    "dark blue": Body((16, 28, 44), (62, 76, 74), 8.0),
    "teal": Body((38, 76, 76), (92, 134, 112), 12.0),
    "green": Body((54, 80, 54), (96, 108, 76), 7.0),
    "dark green": Body((32, 48, 38), (70, 80, 58), 6.0),
    "olive": Body((62, 66, 44), (98, 96, 68), 6.0),
    "brown": Body((108, 90, 66), (132, 114, 88), 8.0),
    "silt": Body((148, 128, 100), (166, 148, 120), 10.0),
    "tea": Body((44, 34, 26), (92, 70, 48), 6.0),
    "black": Body((11, 12, 13), (40, 42, 38), 5.0),
    "grey": Body((84, 92, 94), (112, 114, 106), 7.0),
    "murky": Body((88, 96, 78), (122, 120, 96), 9.0),
}


class Water:
    """The rivers, lakes or the sea of one seed."""

    def __init__(self, seed: int, form: str, body: str, pixel: float) -> None:
        """`form`: river, lake, coast or none; `body`: a name of BODIES."""
        rng = rng_for(seed, "water")
        self.form, self._body = form, BODIES[body]
        length = {"river": rng.uniform(700, 2200), "lake": rng.uniform(350, 1100)}.get(form, 5000.0)
        self._shape = Waves(rng, length / (4 if form == "river" else 12), length, count=32)
        self._ragged = Waves(rng, 3, 60, count=48)
        self._scale = length / 6.3
        self._half = math.exp(rng.uniform(math.log(4), math.log(45)))
        self._level = float(rng.uniform(0.6, 1.3)) if form == "lake" else 0.2
        self._rough = float(rng.uniform(0.3, 2.6))
        self._light = float(math.exp(rng.normal(0, 0.18)))
        self._tint = 1 + rng.normal(0, 0.05, 3)
        self._clear = self._body.clear * float(rng.uniform(0.5, 1.8))
        self._plume = Waves(rng, 40, 500, count=24), float(rng.uniform(0, 0.5) if rng.random() < 0.5 else 0)
        shortest = max(1.3, 2.6 * pixel)
        self._ripples = Waves(rng, shortest, shortest * 3.2, count=60, spread=0.75)
        self._ripple = float(rng.uniform(0.01, 0.09) if rng.random() < 0.7 else 0)
        self._glint = float(rng.uniform(1.5, 2.6)) if rng.random() < 0.35 else 9.0
        self._foam = float(rng.uniform(2, 9)) if form == "coast" and rng.random() < 0.6 else 0.0
        self.shore = float(rng.uniform(4, 28) if form == "coast" else rng.uniform(0, 6))
        """Width of the strip of beach or mud along it, metres."""

    @property
    def still(self) -> tuple[Colour, Colour]:
        """Colours of ponds: deep and at the rim."""
        deep, ground = self._body.deep, self._body.ground
        return deep, ((deep[0] + ground[0]) / 2, (deep[1] + ground[1]) / 2, (deep[2] + ground[2]) / 2)

    def at(self, xy: Points) -> Points:
        """Metres from the shore at points (n, 2) in metres, above 0 in the water, (n,)."""
        if self.form == "none":
            return np.full(len(xy), DRY)
        ragged: Points = self._depth(self._shape.at(xy)) + self._rough * self._ragged.at(xy)
        return ragged

    def grid(self, x: Points, y: Points) -> Floats | None:
        """The same on a grid of columns x and rows y, (rows, columns); None where there is no water near."""
        if self.form == "none":
            return None
        metres: Floats = self._depth(self._shape.grid(x, y)).astype(np.float32)
        if metres.max() < -4 * self._rough - self.shore * 2:
            return None
        return metres + np.float32(self._rough) * self._ragged.grid(x, y)

    def _depth(self, field: Points | Floats) -> Points:
        if self.form == "river":
            river: Points = self._half - np.abs(field) * self._scale
            return river
        still: Points = ((field - self._level) * self._scale).astype(np.float64)
        return still

    def colours(self, metres: Floats, x: Points, y: Points, noise: Noise, bands: int) -> list[Floats]:
        """The light of wet places, a plane (rows, columns) per band; elsewhere without meaning."""
        depth = np.maximum(metres * (1 + 0.12 * noise.of(9, 3) + 0.2 * noise.of(40, 7)) + 0.6 * noise.of(2, 4), 0)
        shallow = np.exp(depth * np.float32(-1 / self._clear))
        plume, share = self._plume
        muddy = np.clip(plume.grid(x, y) * np.float32(0.5) + np.float32(0.2), 0, 1) * np.float32(share)
        shine, white = self._surface(metres, x, y, noise)
        planes = []
        for band in range(bands):
            k = min(band, 2)
            deep = self._body.deep[k] * self._light * self._tint[k] * (1.0 if band < 3 else 0.4)
            ground = self._body.ground[k] * self._tint[k] * (1.0 if band < 3 else 0.5)
            plane = deep + (np.float32(ground) - np.float32(deep)) * np.maximum(shallow, muddy)
            planes.append((plane * shine + white).astype(np.float32))
        return planes

    def _surface(self, metres: Floats, x: Points, y: Points, noise: Noise) -> tuple[Floats, Floats]:
        """Relative brightness of ripples, and grey levels of glint and foam that come on top."""
        shine = 1 + noise.of(60, 5) * np.float32(0.04) + noise.of(0.8, 6) * np.float32(0.012 + self._ripple * 0.35)
        white = np.zeros_like(metres)
        if self._ripple:
            waves = self._ripples.grid(x, y) * (1 + noise.of(25, 9) * np.float32(0.4))
            shine = shine + waves * np.float32(self._ripple)
            white = np.clip((waves + noise.of(0.6, 8) * np.float32(0.4) - self._glint) * 90, 0, 150)
        if self._foam:
            breakers = noise.of(2.5, 11) + noise.of(14, 12) + np.float32(1.6) * np.sin(metres / np.float32(2.2))
            near = np.clip(1 - metres / np.float32(self._foam * 2), 0, 1)
            white = white + np.clip(breakers - 1.6 + near, 0, 1) * near * 150
        return shine.astype(np.float32), white.astype(np.float32)
