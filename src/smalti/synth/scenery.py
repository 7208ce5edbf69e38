"""What a drawn scene looks like: the old style `town`, or the `world` in one of its climates, by one of its sensors."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import shapely

from smalti.errors import OptionError
from smalti.synth import buildings as town_buildings
from smalti.synth import scene as town
from smalti.synth.buildings import Attributes
from smalti.synth.drawing import Drawing
from smalti.synth.plan import PIXEL
from smalti.synth.world import buildings as world_buildings
from smalti.synth.world import scene as world
from smalti.synth.world.climate import NAMES as CLIMATES
from smalti.synth.world.layout import Layout, layout_of
from smalti.synth.world.sensor import KINDS as SENSORS
from smalti.tiling import Window

Style = Literal["town", "world"]
STYLES: tuple[Style, ...] = ("town", "world")


@dataclass(frozen=True)
class Scenery:
    """A style of drawings; `scenery` checks its names."""

    style: Style = "town"
    """`town`: towns and their countryside, green or arid, pixels of 0.3 m. `world`: many climates and sensors."""
    climate: str | None = None
    """Of the world; None: by the seed."""
    sensor: str | None = None
    """Of the world; None: by the seed."""

    def draw(self, window: Window, seed: int, nir: bool = False) -> Drawing:
        """Draws a window, with near infrared as a fourth band if `nir`; it equals the same part of any larger one."""
        if self.style == "town":
            return town.draw(window, seed, nir)
        return world.draw(self._layout(seed), window, nir)

    def buildings(self, window: Window, seed: int) -> list[tuple[shapely.Polygon, Attributes]]:
        """All buildings that touch a window, complete, in pixels of the drawing, with their attributes."""
        if self.style == "town":
            return town_buildings.buildings(window, seed)
        return world_buildings.buildings(self._layout(seed), window)

    def pixel(self, seed: int) -> float:
        """Side of a pixel, metres."""
        return PIXEL if self.style == "town" else self._layout(seed).setting.sensor.pixel

    def climate_of(self, seed: int) -> str | None:
        """The climate of a seed; None in the style `town`."""
        return None if self.style == "town" else self._layout(seed).setting.name

    def _layout(self, seed: int) -> Layout:
        return layout_of(seed, self.climate, self.sensor)

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.style, self.climate, self.sensor)))


TOWN = Scenery()


def scenery(style: str | None = None, climate: str | None = None, sensor: str | None = None) -> Scenery:
    """The style of drawings by names; a climate or a sensor without a style means the world.

    Raises OptionError for a name that there is not, and for a climate or a sensor of the style `town`.
    """
    style = style or ("world" if climate or sensor else "town")
    for what, name, names in (("style", style, STYLES), ("climate", climate, CLIMATES), ("sensor", sensor, SENSORS)):
        if name is not None and name not in names:
            near = get_close_matches(str(name), names, 1, 0)
            raise OptionError(f"{what} {name!r} is not known; did you mean {near[0]}? ({', '.join(names)})", value=name)
    if style == "town" and (climate or sensor):
        raise OptionError("the style town has no climate or sensor; leave the style out, or choose world", value=style)
    return Scenery(style, climate, sensor)  # type: ignore[arg-type]  # checked above
