"""Drawn places with a finer truth than `smalti draw` writes, for `teach_users.py`: solar panels, sports grounds, roofs.

A place is drawn twice: as it is, and with labels of their own for what the drawer itself knows apart. The first drawing
is the image; the second one only says which of its pixels are panels, pitches, or roofs of which material. The drawer
draws no damage, so there is no such place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from smalti.synth.materials import BUILDING, CLASSES
from smalti.synth.world.blocks import town, works
from smalti.synth.world.layout import Layout
from smalti.synth.world.roofs import ROOFS, Roof
from smalti.synth.world.scene import draw, plan_at
from smalti.synth.world.setting import setting_of
from smalti.synth.world.surface import Surface
from smalti.tiling import Window

SOLAR, FIRST_ROOF = 10, 20
"""Labels of the second drawing; a roof has that of its material."""
GROUNDS = {"lawn": 11, "clay court": 12, "blue court": 13, "dirt": 14}
"""Labels of sports grounds by what they are covered with."""
MATERIALS = {name: FIRST_ROOF + k for k, name in enumerate(ROOFS)}
NEAR = 10
"""Blocks of the lattice around a place that are searched for the two that show most."""
SIDE_M = 360.0
"""Side of the window around a block."""
UNKNOWN = 255


@dataclass(frozen=True)
class Drawn:
    """A drawn place: two windows around the blocks of a seed that show most of some labels."""

    climate: str
    seed: int
    wanted: tuple[int, ...]
    """Labels of which the windows should show much."""
    blocks: str
    """The kind of block that may show them; empty for every kind."""
    classes: Mapping[str, Sequence[int]]
    """By name, in the order of their ids: the labels of the second drawing."""

    def read(self, data: Path) -> tuple[list[Any], list[Any]]:
        """Both windows, each as an image and its class ids, in pixels of about 0.5 m; `data` is not used."""
        first, second = self._windows()
        return [self._pair(first)], [self._pair(second)]

    def _layout(self) -> Layout:
        return Layout(setting_of(self.seed, self.climate, "aerial"))

    def _windows(self) -> list[Window]:
        layout = self._layout()
        pixel, side = layout.setting.sensor.pixel, round(SIDE_M / layout.setting.sensor.pixel)
        u, v = layout.warp.plan(np.array([layout.origin]))[0] / layout.setting.pitch
        found: list[tuple[float, Window]] = []
        with finer():
            for i in range(int(u) - NEAR, int(u) + NEAR):
                for j in range(int(v) - NEAR, int(v) + NEAR):
                    block = layout.block(i, j)
                    if self.blocks and block.kind != self.blocks:
                        continue
                    plan = plan_at(layout, i, j)
                    patches = [each for each in plan.patches if each.surface.label in self.wanted]
                    dry = [each for each in patches if layout.setting.water.at(each.points).max() < 0]
                    area = sum(_area(each.points) for each in dry)
                    area += sum(1 for house in plan.houses if house.cover.label in self.wanted)
                    x, y = layout.warp.world(block.corners.mean(axis=0)[None])[0] - layout.origin
                    if area:
                        found.append((area, Window(int(y / pixel) - side // 2, int(x / pixel) - side // 2, side, side)))
        found.sort(key=lambda each: -each[0])
        first = found[0][1]
        second = next(window for _, window in found[1:] if window.intersect(first) is None)
        return [first, second]

    def _pair(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        plain = draw(self._layout(), window)
        with finer():
            fine = draw(self._layout(), window).classes
        fine = np.where((plain.classes == BUILDING) & (fine < FIRST_ROOF), UNKNOWN, fine)  # a wall, seen at an angle
        ids = np.full(fine.shape, UNKNOWN, np.uint8)
        for at, labels in enumerate(self.classes.values()):
            ids[np.isin(fine, labels)] = at
        return np.ascontiguousarray(plain.image.transpose(1, 2, 0)), ids

    def factor(self) -> float:
        """By which the pixels of a place of 0.5 m are fewer."""
        return self._layout().setting.sensor.pixel / 0.5


def _area(points: NDArray[np.float64]) -> float:
    x, y = points.T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)


@contextmanager
def finer() -> Iterator[None]:
    """What is drawn meanwhile, of a layout that was not drawn before, has finer labels."""
    plain_roof: Callable[..., Surface] = Roof.surface
    plain_thing: Callable[..., Surface] = town.thing
    numbers = {id(roof): MATERIALS[name] for name, roof in ROOFS.items()}

    def surface(self: Roof, rng: np.random.Generator) -> Surface:
        return replace(plain_roof(self, rng), label=numbers[id(self)])

    def thing(plan: Any, rng: np.random.Generator, names: tuple[str, ...]) -> Surface:
        found = plain_thing(plan, rng, names)
        if "clay court" not in names:  # it is no sports ground
            return found
        return replace(found, label=next(GROUNDS[name] for name in names if plan.setting.ground(name) is found))

    with (
        patch.object(works, "PANELS", replace(works.PANELS, label=SOLAR)),
        patch.object(Roof, "surface", surface),
        patch.object(town, "thing", thing),
    ):
        yield


ROOFED = tuple(MATERIALS.values())
REST = {name: (label, *(ROOFED if name == "building" else ())) for label, name in enumerate(CLASSES)}
"""The five classes of the model, whatever the roofs are made of."""
_METAL = tuple(MATERIALS[name] for name in ("tin", "rusty tin", "painted tin", "sheet"))
_TILE = (MATERIALS["tile"],)


def _roofs(name: str, labels: tuple[int, ...]) -> dict[str, Sequence[int]]:
    others = tuple(label for label in ROOFED if label not in labels)
    return {name: labels, "other roof": others, "other": [k for k, each in enumerate(CLASSES) if each != "building"]}


def _sports(climate: str, seed: int, cover: str) -> Drawn:
    return Drawn(climate, seed, (GROUNDS[cover],), "park", {"sports ground": tuple(GROUNDS.values()), **REST})


DRAWN = {
    "Solar, desert": Drawn("desert", 700_001, (SOLAR,), "solar", {"solar": (SOLAR,), **REST}),
    "Solar, temperate": Drawn("temperate", 700_002, (SOLAR,), "solar", {"solar": (SOLAR,), **REST}),
    "Clay courts, temperate": _sports("temperate", 700_012, "clay court"),
    "Lawn pitches, temperate": _sports("temperate", 700_012, "lawn"),
    "Tiles, Mediterranean": Drawn("mediterranean", 700_005, _TILE, "", _roofs("tile roof", _TILE)),
    "Metal, monsoon": Drawn("monsoon", 700_006, _METAL, "", _roofs("metal roof", _METAL)),
}
