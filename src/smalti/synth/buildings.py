"""The buildings of a drawing as polygons."""

from typing import TypedDict

import numpy as np
import shapely

from smalti.synth.plan import GABLE, HIP, PIXEL, ROOF_NAMES, ROUND, House, Plan
from smalti.synth.scene import plans_near
from smalti.tiling import Window

CIRCLE = 64
"""Corners of a round building's polygon."""


class Attributes(TypedDict):
    """The attributes of a building."""

    height: float
    """Metres from the ground to the highest point of its roof."""
    roof: str
    """Roof type of its first part: flat, gabled, hipped or round."""


def buildings(window: Window, seed: int) -> list[tuple[shapely.Polygon, Attributes]]:
    """All buildings that touch a window of the world of `seed`, complete, with their attributes.

    Corners are pixels of the world, x along columns and y along rows; a pixel's corner is a whole number.
    """
    frame = shapely.box(window.col, window.row, window.right, window.bottom)
    found = []
    for plan in plans_near(seed, window):
        near = plan.house_boxes
        hit = (near[:, 0] < window.right) & (near[:, 2] > window.col)
        hit &= (near[:, 1] < window.bottom) & (near[:, 3] > window.row)
        numbers = dict.fromkeys(plan.houses[k].building for k in np.flatnonzero(hit))
        found += [_whole(plan, number) for number in numbers if number >= 0]
    return [(shape, known) for shape, known in found if shape.intersects(frame)]


def _whole(plan: Plan, number: int) -> tuple[shapely.Polygon, Attributes]:
    """A building as the union of its parts."""
    parts = plan.parts[number]
    shape = shapely.union_all([outline(part) for part in parts]) if len(parts) > 1 else outline(parts[0])
    if shape.geom_type != "Polygon":
        shape = shape.convex_hull
    return shape, {"height": round(max(map(top, parts)), 2), "roof": ROOF_NAMES[parts[0].roof]}


def outline(house: House) -> shapely.Polygon:
    """The ground plan of a building part in pixels of the world."""
    if house.roof == ROUND:
        angle = np.arange(CIRCLE) * (2 * np.pi / CIRCLE)
        corners = np.stack([np.cos(angle), np.sin(angle)], 1) / np.cos(np.pi / CIRCLE) ** 0.5  # of the circle's area
    else:
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    return shapely.Polygon(np.array(house.centre) + corners @ np.array([house.along, house.across]))


def top(house: House) -> float:
    """Height of the ridge, or of a flat roof, in metres."""
    across, along = (float(np.hypot(*axis)) * PIXEL for axis in (house.across, house.along))
    if house.roof not in (GABLE, HIP):
        return house.eave
    return house.eave + house.pitch * (across if house.roof == GABLE else min(across, along))
