"""The buildings of a drawing as polygons: their outlines in the image, walls that are seen included."""

import math

import numpy as np
import shapely

from smalti.synth.buildings import CIRCLE, Attributes
from smalti.synth.plan import GABLE, HIP, ROOF_NAMES, ROUND
from smalti.synth.warp import Points
from smalti.synth.world.canvas import margins
from smalti.synth.world.layout import Layout
from smalti.synth.world.plan import House, Plan
from smalti.synth.world.scene import box_of, plans_near
from smalti.synth.world.setting import Setting
from smalti.tiling import Window


def buildings(layout: Layout, window: Window) -> list[tuple[shapely.Polygon, Attributes]]:
    """All buildings that touch a window, complete, with their attributes.

    Corners are pixels of the drawing, x along columns and y along rows; a pixel's corner is a whole number. Where the
    sensor looks at an angle, an outline is that of base and roof together, as the class map has it.
    """
    pixel, reach = layout.setting.sensor.pixel, margins(layout.setting)[0]
    grown = Window(window.row - reach, window.col - reach, window.height + 2 * reach, window.width + 2 * reach)
    left, top, right, bottom = box_of(layout, grown)
    frame = shapely.box(window.col, window.row, window.right, window.bottom)
    origin = np.array(layout.origin)
    found: list[tuple[shapely.Polygon, Attributes]] = []
    for plan in plans_near(layout, (left, top, right, bottom)):
        near = plan.house_boxes
        hit = (near[:, 0] < right) & (near[:, 2] > left) & (near[:, 1] < bottom) & (near[:, 3] > top)
        numbers = dict.fromkeys(plan.houses[k].building for k in np.flatnonzero(hit))
        found += [_whole(plan, number, origin, pixel) for number in numbers if number >= 0]
    return [(shape, known) for shape, known in found if shape.intersects(frame)]


def _whole(plan: Plan, number: int, origin: Points, pixel: float) -> tuple[shapely.Polygon, Attributes]:
    """A building as the union of its parts."""
    parts = plan.parts[number]
    shape = shapely.union_all([outline(part, plan.setting, origin, pixel) for part in parts])
    if shape.geom_type != "Polygon":
        shape = shape.convex_hull
    return shape, {"height": round(max(map(top_of, parts)), 2), "roof": ROOF_NAMES[parts[0].roof]}


def outline(house: House, setting: Setting, origin: Points, pixel: float) -> shapely.Polygon:
    """The outline of a building part in the image: of its base, its eaves and its ridge, moved by the lean."""
    points, height = _corners(house)
    tangent = math.hypot(*setting.sensor.lean)
    most = (margins(setting)[0] - 1) * pixel
    lean = np.minimum(height * tangent, most)[:, None] * (np.array(setting.sensor.lean) / max(tangent, 1e-9))
    return shapely.MultiPoint((points + lean - origin) / pixel).convex_hull


def _corners(house: House) -> tuple[Points, Points]:
    """Corners of a part, (n, 2) in metres of the world, and their heights (n,)."""
    axes = np.array([house.along, house.across])
    if house.roof == ROUND:
        angle = np.arange(CIRCLE) * (2 * np.pi / CIRCLE)
        rim = np.stack([np.cos(angle), np.sin(angle)], 1) / np.cos(np.pi / CIRCLE) ** 0.5  # of the circle's area
        ridge = np.zeros((1, 2))
    else:
        rim = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
        along, across = np.hypot(*house.along), np.hypot(*house.across)
        end = 1.0 if house.roof == GABLE else max(0.0, 1 - across / along)
        ridge = np.array([(-end, 0), (end, 0)]) if house.roof in (GABLE, HIP) else rim
    height = [np.zeros(len(rim)), np.full(len(rim), house.eave), np.full(len(ridge), top_of(house))]
    return np.array(house.centre) + np.concatenate([rim, rim, ridge]) @ axes, np.concatenate(height)


def top_of(house: House) -> float:
    """Height of the ridge, or of a flat roof, in metres."""
    across, along = (float(np.hypot(*axis)) for axis in (house.across, house.along))
    if house.roof == ROUND:
        return house.eave + house.pitch * along
    if house.roof not in (GABLE, HIP):
        return house.eave
    return house.eave + house.pitch * (across if house.roof == GABLE else min(across, along))
