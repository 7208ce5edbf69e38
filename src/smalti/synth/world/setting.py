"""The setting of one seed: its climate, sensor, light, and the surfaces, trees and roofs that are at home there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from smalti.synth.materials import BUILDING, LAND, VEGETATION, WATER
from smalti.synth.seeds import rng_for
from smalti.synth.warp import Points
from smalti.synth.world.climate import CLIMATES, NAMES, Climate
from smalti.synth.world.crops import CROPS, Crop
from smalti.synth.world.ground import GROUND
from smalti.synth.world.roofs import ROOFS, Roof
from smalti.synth.world.sensor import KINDS, Sensor, sensor_for
from smalti.synth.world.species import SPECIES, Species
from smalti.synth.world.surface import SMALL, Surface, surface
from smalti.synth.world.water import Water
from smalti.synth.world.waves import Waves

VARIANTS = 8
"""Colours of each species."""
CAR_COLOURS = (
    (232, 232, 230), (214, 214, 214), (168, 170, 172), (112, 114, 118), (52, 54, 58), (34, 34, 36), (140, 34, 32),
    (48, 66, 112), (226, 224, 218), (190, 184, 170), (70, 74, 70), (196, 160, 60),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Tree:
    """A species in one colour."""

    species: Species
    surface: Surface


class Setting:
    """All that the blocks of one seed share."""

    def __init__(self, seed: int, climate: str | None, sensor: str | None) -> None:
        rng = rng_for(seed, "world setting")
        by_seed, sensor_by_seed = NAMES[int(rng.integers(len(NAMES)))], KINDS[int(rng.choice(3, p=[0.3, 0.35, 0.35]))]
        self.seed, self.name = seed, climate or by_seed
        self.climate: Climate = CLIMATES[self.name]
        self.sensor: Sensor = sensor_for(rng_for(seed, "sensor"), sensor or sensor_by_seed, self.climate.haze)
        azimuth, up = rng.uniform(90, 270), rng.uniform(*self.climate.sun)
        if rng.random() < 0.4:
            azimuth += 180  # southern hemisphere
        self.sun = math.sin(math.radians(azimuth)), -math.cos(math.radians(azimuth))
        """Unit vector (x, y) on the ground towards the sun; y points down the image."""
        self.slope = math.tan(math.radians(up))
        """Tangent of the sun's height above the horizon."""
        ambient = rng.uniform(0.26, 0.46)
        self.shade = ambient * 0.93, ambient, ambient * 1.16, ambient * 0.8
        """Remaining share of the light in a shadow, per band."""
        self.pitch = float(rng.uniform(*self.climate.block))
        self.snow = float(rng.uniform(*self.climate.snow))
        self.garden_trees = float(rng.uniform(*self.climate.trees))
        self.water = Water(seed, self._one("form", self.climate.shapes), self._one("body", self.climate.waters),
                           self.sensor.pixel)  # fmt: skip
        self.hills = Waves(rng_for(seed, "hills"), 120, 1500)
        self.wood = Waves(rng_for(seed, "wood"), 60, 900)
        """High where trees stand outside of woods."""
        self._surfaces: dict[str, Surface] = {}

    def _one(self, what: str, names: Sequence[str]) -> str:
        """One of some names, the same for the whole seed."""
        return names[int(rng_for(self.seed, what).integers(len(names)))]

    def some(self, what: str, names: Sequence[str], most: int) -> tuple[str, ...]:
        """One to `most` of some names, the same for the whole seed."""
        rng = rng_for(self.seed, "some " + what)
        return tuple(names[int(k)] for k in rng.permutation(len(names))[: int(rng.integers(1, most + 1))])

    def ground(self, name: str) -> Surface:
        """A surface of the ground as it looks here."""
        if name not in self._surfaces:
            self._surfaces[name] = GROUND[name].varied(rng_for(self.seed, "ground " + name), 0.1, 0.025)
        return self._surfaces[name]

    def trodden(self, name: str) -> Surface:
        """The surface of a track where it is only a path: land."""
        if (path := f"trodden {name}") not in self._surfaces:
            self._surfaces[path] = replace(self.ground(name), label=LAND)
        return self._surfaces[path]

    def any_ground(self, rng: np.random.Generator, names: Sequence[str]) -> Surface:
        """One of some surfaces."""
        return self.ground(names[int(rng.integers(len(names)))])

    def crop(self, rng: np.random.Generator) -> Crop:
        """One of the crops of the country, each field a little different."""
        return CROPS[self.crops[int(rng.integers(len(self.crops)))]]

    def roof(self, rng: np.random.Generator, big: bool = False) -> Roof:
        """A covering that is usual here, now and then another one."""
        every = self.climate.big_roofs if big else self.climate.roofs
        usual = self.big_roofs if big else self.roofs
        names = usual if rng.random() < 0.85 else every
        return ROOFS[names[int(rng.integers(len(names)))]]

    @cached_property
    def crops(self) -> tuple[str, ...]:
        """The crops that are grown in this season."""
        return self.some("crops", self.climate.crops, 8)

    @cached_property
    def roofs(self) -> tuple[str, ...]:
        """Usual roofs of houses."""
        return self.some("roofs", self.climate.roofs, 4)

    @cached_property
    def big_roofs(self) -> tuple[str, ...]:
        """Usual roofs of halls."""
        return self.some("big roofs", self.climate.big_roofs, 3)

    @cached_property
    def season(self) -> tuple[str, ...]:
        """The trees of woods in this season."""
        choices = [self.climate.woods, *self.climate.seasons.values()]
        return choices[int(rng_for(self.seed, "season").integers(len(choices)))]

    @cached_property
    def trees(self) -> list[Tree]:
        """All trees that occur, VARIANTS of each species."""
        rng = rng_for(self.seed, "trees")
        tint, light = rng.normal(1, 0.06, 3), math.exp(rng.normal(0, 0.14))
        found: list[Tree] = []
        for name in self._species:
            found += [_tree(rng, SPECIES[name], tint * light) for _ in range(VARIANTS)]
        return found

    @cached_property
    def _species(self) -> list[str]:
        names = (*self.some("woods", self.season, 4), *self.some("garden", self.climate.garden, 4))
        return list(dict.fromkeys((*names, *self.some("bushes", self.climate.bushes, 2))))

    def kinds(self, what: str) -> list[int]:
        """First index in `trees` of each species of `woods`, `garden` or `bushes`."""
        pool, most = {"woods": (self.season, 4), "garden": (self.climate.garden, 4)}.get(what, (self.climate.bushes, 2))
        return [self._species.index(name) * VARIANTS for name in dict.fromkeys(self.some(what, pool, most))]

    @cached_property
    def cars(self) -> list[Surface]:
        """Paints of cars; the last is window glass."""
        paints = [surface(BUILDING, c, c, 0.01, 0.0) for c in CAR_COLOURS]  # its class is that of the ground below
        return [*paints, surface(BUILDING, (40, 44, 50), (40, 44, 50), 0.0, 0.0)]

    @cached_property
    def pond(self) -> Surface:
        """Standing water in ponds and pits."""
        deep, shallow = self.water.still
        return surface(WATER, deep, shallow, 0.03, 0.04, SMALL)

    @cached_property
    def wall(self) -> Surface:
        """Walls of houses."""
        rng = rng_for(self.seed, "walls")
        grey = np.array((176, 166, 150)) * rng.uniform(0.6, 1.25) * rng.normal(1, 0.04, 3)
        red, green, blue = np.clip(grey, 40, 235).tolist()
        return surface(BUILDING, (red, green, blue), (red * 0.9, green * 0.9, blue * 0.9), 0.05, 0.08, SMALL)


def _tree(rng: np.random.Generator, species: Species, tint: Points) -> Tree:
    share = rng.uniform(0, 1)
    colour = np.array(species.dark) * (1 - share) + np.array(species.light) * share
    colour = np.clip(colour * tint * rng.normal(1, 0.06) + rng.normal(0, 2.5, 3), 8, 225)
    red, green, blue = colour.tolist()
    nir = min(float(colour.mean()) * species.nir + 30, 235)
    a = red, green, blue, nir
    b = red * 1.12, green * 1.08, blue * 1.02, nir
    return Tree(species, Surface(VEGETATION, a, b, 0.1, 0.1, SMALL))


@lru_cache(maxsize=64)
def setting_of(seed: int, climate: str | None = None, sensor: str | None = None) -> Setting:
    """The setting of a seed; its climate and its kind of sensor, where they are not given, follow from the seed."""
    return Setting(seed, climate, sensor)
