"""Water with banks, in a park, in fields or in the desert."""

import numpy as np
import numpy.typing as npt

from smalti.synth.districts.suburb import plots
from smalti.synth.layout import Block
from smalti.synth.lots import Lot, blob, ground, inner, plant, shrubs, whole
from smalti.synth.materials import Material
from smalti.synth.plan import BASE, PARCEL, WATER, WATERSIDE, Plan
from smalti.synth.warp import Points


def lake(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """A lake with a bank, shallows and an island every now and then."""
    arid = plan.style.aridity > 0.5
    park = rng.random() < 0.6
    shore = (
        (Material.SAND if rng.random() < 0.6 else Material.BARE)
        if arid and not park
        else (Material.LAWN if park else Material.MEADOW)
    )
    ground(plan, BASE, shore, whole(block))
    area = inner(block)
    if rng.random() < 0.6:
        area = _waterfront(plan, rng, area)
    centre = area.centre[0] + float(rng.uniform(-10, 10)), area.centre[1] + float(rng.uniform(-10, 10))
    radii = area.width * float(rng.uniform(0.34, 0.58)), area.depth * float(rng.uniform(0.34, 0.58))
    edge = blob(rng, centre, radii, 0.17)
    edge = np.clip(edge, (area.u0 + 5, area.v0 + 5), (area.u1 - 5, area.v1 - 5))
    plan.patch(
        WATERSIDE,
        (Material.BANK, Material.REED, Material.SAND, Material.CONCRETE)[int(rng.integers(4))],
        _grow(edge, centre, 3.5),
    )
    plan.patch(WATER, Material.SHALLOW, edge)
    plan.patch(WATER, Material.WATER, _grow(edge, centre, -float(rng.uniform(0.5, 7))))
    _shore_trees(plan, rng, edge, centre)
    if park:
        ring = _grow(edge, centre, 9)
        ring = np.clip(ring, (area.u0 + 1, area.v0 + 1), (area.u1 - 1, area.v1 - 1))
        plan.strip(PARCEL, Material.PATH, np.concatenate([ring, ring[:1]]), 2.4)
        uv = rng.uniform((area.u0, area.v0), (area.u1, area.v1), (int(rng.integers(20, 120)), 2))
        plant(plan, rng, uv[_outside(uv, edge, centre)])
    else:
        shrubs(plan, rng, area, int(rng.integers(0, 20)))
    if rng.random() < 0.3:
        island = blob(rng, centre, (radii[0] * 0.2, radii[1] * 0.2), 0.2)
        plan.patch(WATER, Material.ISLAND, island)
        at = np.array(centre) + rng.normal(0, 0.07, (14, 2)) * radii
        plant(plan, rng, at)


def _waterfront(plan: Plan, rng: np.random.Generator, area: Lot) -> Lot:
    """Rows of plots along the streets at the top and the bottom; returns what is left between them."""
    deep = float(rng.uniform(26, 33))
    plots(plan, rng, Lot(area.u0, area.v0, area.u1, area.v0 + deep), front=-1)
    if rng.random() < 0.5:
        return Lot(area.u0, area.v0 + deep, area.u1, area.v1)
    plots(plan, rng, Lot(area.u0, area.v1 - deep, area.u1, area.v1), front=1)
    return Lot(area.u0, area.v0 + deep, area.u1, area.v1 - deep)


def _grow(edge: Points, centre: tuple[float, float], by: float) -> Points:
    """An outline moved outwards by `by` metres."""
    out = edge - np.array(centre)
    length = np.linalg.norm(out, axis=1, keepdims=True)
    grown: Points = np.array(centre) + out * (1 + by / np.maximum(length, 1))
    return grown


def _outside(uv: Points, edge: Points, centre: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Which points lie beyond a star-shaped outline and its bank."""
    rim = edge - np.array(centre)
    angle = np.arctan2(rim[:, 1], rim[:, 0])
    order = np.argsort(angle)
    out = uv - np.array(centre)
    radius = np.interp(
        np.arctan2(out[:, 1], out[:, 0]), angle[order], np.linalg.norm(rim, axis=1)[order], period=2 * np.pi
    )
    far: npt.NDArray[np.bool_] = np.linalg.norm(out, axis=1) > radius + 5
    return far


def _shore_trees(plan: Plan, rng: np.random.Generator, edge: Points, centre: tuple[float, float]) -> None:
    """Trees in groups along the bank."""
    n = int(rng.integers(0, 60))
    at = rng.integers(0, len(edge), n)
    place = _grow(edge[at], centre, 7) + rng.normal(0, 3, (n, 2))
    plant(plan, rng, place[_outside(place, edge, centre)])
