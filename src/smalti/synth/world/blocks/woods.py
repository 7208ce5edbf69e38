"""Woods: closed canopies of many sizes of crowns, clearings, clear-cuts, plantations, orchards and oases."""

import numpy as np
import numpy.typing as npt

from smalti.synth.lots import Lot, blob
from smalti.synth.seeds import rng_for
from smalti.synth.warp import Points
from smalti.synth.world.layout import NONE, Block
from smalti.synth.world.pieces import cover, plant, plant_kinds, scatter, thing
from smalti.synth.world.plan import BASE, GARDEN, PARCEL, Plan
from smalti.synth.world.roads import path
from smalti.synth.world.waves import Waves, share


def canopy(
    plan: Plan, rng: np.random.Generator, lot: Lot, open_share: float, size: float = 1.0, block: Block | None = None
) -> None:
    """Trees so close that their crowns touch, but for gaps on `open_share` of the lot; stands of unlike trees.

    With `block` they grow up to its roads and, where there is none, raggedly across its border.
    """
    setting = plan.setting
    kinds = np.array(setting.kinds("woods"))
    radius = float(np.mean([np.mean(setting.trees[k].species.radius) for k in kinds])) * size
    step = max(radius * 1.28, 1.3)
    u, v = np.meshgrid(np.arange(lot.u0, lot.u1, step), np.arange(lot.v0, lot.v1, step))
    uv = np.stack([u.ravel(), v.ravel()], 1)
    uv = uv + rng.uniform(-0.46, 0.46, uv.shape) * step
    xy = plan.world(uv)
    grown: npt.NDArray[np.bool_] = np.greater_equal(
        share(Waves(rng_for(setting.seed, "gaps"), 12, 220).at(xy)), open_share
    )
    if block is not None:
        grown = np.logical_and(grown, _reached(plan, block, uv, xy))
    uv, xy = uv[grown], xy[grown]
    stand = share(Waves(rng_for(setting.seed, "stands"), 15, 300).at(xy) + rng.normal(0, 0.7, len(xy)))
    first = kinds[np.clip((stand * len(kinds)).astype(int), 0, len(kinds) - 1)]
    plant_kinds(plan, rng, uv, first, size)


def _reached(plan: Plan, block: Block, uv: Points, xy: Points) -> npt.NDArray[np.bool_]:
    """Which points a wood reaches."""
    ragged = Waves(rng_for(plan.setting.seed, "edges"), 10, 120).at(xy) * 7
    free = np.array([road.kind == NONE for road in block.roads])
    inside = block.within(uv) + np.where(free, ragged[:, None], -1.5)
    reached: npt.NDArray[np.bool_] = inside.min(1) > 0
    return reached


def wood(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Closed forest, now and then with a clearing and a track."""
    floors = plan.setting.some("floor", plan.setting.climate.floor, 2)
    plan.patch(BASE, thing(plan, rng, floors), block.corners)
    young = float(rng.choice([1.0, 1.0, 1.0, 0.75, 0.55]))
    canopy(plan, rng, block.whole.inset(-14), float(rng.choice([0.0, 0.0, 0.03, 0.15])), young, block)
    if rng.random() < 0.2:
        clearing(plan, rng, block.inner)
    if rng.random() < 0.25:
        path(plan, rng, _winding(rng, block.whole), float(rng.uniform(1.5, 3.2)))


def clearing(plan: Plan, rng: np.random.Generator, area: Lot) -> None:
    """An opening without trees; trees that were planted there are taken out."""
    size = float(rng.uniform(10, 34)), float(rng.uniform(10, 34))
    at = float(rng.uniform(area.u0 + 20, area.u1 - 20)), float(rng.uniform(area.v0 + 20, area.v1 - 20))
    rim = blob(rng, at, size, 0.16)
    plan.patch(GARDEN, thing(plan, rng, plan.setting.climate.open_ground), rim)
    plan.fell(rim)


def felled(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Forest with clear-cuts: bare strips and compartments of young trees."""
    plan.patch(BASE, thing(plan, rng, plan.setting.climate.floor), block.corners)
    for part in block.inner.split(int(rng.integers(1, 4)), int(rng.integers(1, 3)), 2.5):
        fate = rng.random()
        if fate < 0.4:
            canopy(plan, rng, part, 0.02)
            continue
        grounds = ("loam", "dirt", "heath", "fern", "straw", "weeds", "burnt")
        cover(plan, PARCEL, thing(plan, rng, grounds), part)
        if fate < 0.7:
            canopy(plan, rng, part, float(rng.uniform(0.1, 0.6)), float(rng.uniform(0.3, 0.5)))
        else:
            scatter(plan, rng, part, 260, "woods", 0.7)
    path(plan, rng, _winding(rng, block.whole), 3.4)


def plantation(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Trees of one kind in a triangular grid, of one age in each part."""
    setting = plan.setting
    plan.patch(BASE, thing(plan, rng, ("dark floor", "weeds", "lush grass", "laterite")), block.corners)
    kinds = setting.kinds("garden")
    for part in block.inner.split(int(rng.integers(1, 3)), int(rng.integers(1, 3)), 5.0):
        first = kinds[int(rng.integers(len(kinds)))]
        radius = float(np.mean(setting.trees[first].species.radius)) * float(rng.uniform(0.8, 1.25))
        _grid(plan, rng, part, first, radius * float(rng.uniform(1.7, 2.3)), radius)
    path(plan, rng, np.array([[block.u0, block.inner.centre[1]], [block.u1, block.inner.centre[1]]]), 3.6)


def _grid(plan: Plan, rng: np.random.Generator, lot: Lot, first: int, step: float, radius: float) -> None:
    """Trees of one kind on a triangular grid."""
    v = np.arange(lot.v0 + step / 2, lot.v1, step * 0.87)
    rows = [
        np.stack([u := np.arange(lot.u0 + step / 2 * (1 + k % 2), lot.u1, step), np.full_like(u, at)], 1)
        for k, at in enumerate(v)
    ]
    if not rows:
        return
    uv = np.concatenate(rows)
    uv = uv[rng.random(len(uv)) < 0.96] + rng.normal(0, step * 0.03, 2)
    size = radius * rng.normal(1, 0.08, len(uv)).clip(0.7, 1.3)
    slender = plan.setting.trees[first].species.slender
    plan.trees_at(uv, size, size * slender + 0.8, first + rng.integers(0, 8, len(uv)).astype(float))


def grove(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Orchards and olive groves on bare or weedy ground."""
    setting = plan.setting
    plan.patch(BASE, thing(plan, rng, setting.climate.verge), block.corners)
    kinds = setting.kinds("garden")
    for part in block.inner.split(int(rng.integers(1, 4)), int(rng.integers(1, 3)), float(rng.uniform(1, 5))):
        cover(plan, PARCEL, thing(plan, rng, ("dirt", "loam", "straw", "grey grass", "weeds")).varied(rng), part)
        first = kinds[int(rng.integers(len(kinds)))]
        radius = min(float(np.mean(setting.trees[first].species.radius)), 2.6) * float(rng.uniform(0.5, 1))
        _grid(plan, rng, part, first, max(radius * float(rng.uniform(2.3, 3.6)), 2.4), radius)


def oasis(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Palm gardens with plots below and mud houses at the edge."""
    from smalti.synth.world.blocks.fields import quad, shrink, sow, split

    plan.patch(BASE, thing(plan, rng, plan.setting.climate.open_ground), block.corners)
    for field in split(rng, quad(block.inner), 700):
        if rng.random() < 0.75:
            sow(plan, rng, shrink(field, 0.8))
            centre = field.mean(0)
            plant(plan, rng, centre + rng.normal(0, 7, (int(rng.integers(3, 16)), 2)))


def _winding(rng: np.random.Generator, lot: Lot) -> Points:
    """A curved line from the left to the right side of a lot, (40, 2)."""
    a, b = rng.uniform(lot.v0 + 10, lot.v1 - 10, 2)
    middle = rng.uniform((lot.u0, lot.v0), (lot.u1, lot.v1))
    t = np.linspace(0, 1, 40)[:, None]
    curve: Points = (1 - t) ** 2 * [lot.u0, a] + 2 * t * (1 - t) * middle + t**2 * [lot.u1, b]
    return curve
