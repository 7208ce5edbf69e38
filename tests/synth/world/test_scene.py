import numpy as np
import pytest

from smalti.synth import CLASSES, Drawing
from smalti.synth.scenery import SENSORS, scenery
from smalti.synth.world.climate import NAMES
from smalti.synth.world.layout import layout_of
from smalti.synth.world.scene import cell_at, draw, plan_at
from smalti.tiling import Window

pytestmark = pytest.mark.slow  # each draws scenes

LAND, WATER, BUILDING, VEGETATION, ROAD = range(5)


def forget() -> None:
    cell_at.cache_clear()
    plan_at.cache_clear()


def assert_same(a: Drawing, b: Drawing) -> None:
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.classes, b.classes)
    assert np.array_equal(a.height, b.height)


@pytest.fixture(scope="module")
def places() -> dict[str, Drawing]:
    """A place of each climate, with leaning buildings in most."""
    return {name: scenery(climate=name, sensor="satellite").draw(Window(0, 0, 384, 331), 5) for name in NAMES}


def test_every_climate_is_drawn_at_odd_sizes(places: dict[str, Drawing]) -> None:
    for drawing in places.values():
        assert drawing.image.shape == (3, 384, 331) and drawing.image.dtype == np.uint8
        assert drawing.classes.shape == drawing.height.shape == (384, 331)
        assert drawing.classes.dtype == np.uint8 and drawing.height.dtype == np.float32
        assert drawing.classes.max() < len(CLASSES)
        assert drawing.image.std() > 5


def test_heights_agree_with_classes(places: dict[str, Drawing]) -> None:
    for drawing in places.values():
        tall = drawing.height > 2.0
        assert np.isin(drawing.classes[tall], (BUILDING, VEGETATION)).all()
        assert (drawing.height[drawing.classes == BUILDING] > 0).all()
        assert np.isfinite(drawing.height).all() and drawing.height.min() >= 0 and drawing.height.max() < 60
        water = drawing.classes == WATER
        assert (drawing.height[water] < 2).all() and (not water.any() or (drawing.height[water] == 0).mean() > 0.9)


def test_all_classes_occur_in_reasonable_shares() -> None:
    found = np.zeros(len(CLASSES))
    for seed in range(12):
        drawing = scenery("world", sensor="satellite").draw(Window(0, 0, 256, 256), seed)
        found += np.bincount(drawing.classes.ravel(), minlength=len(CLASSES))
    shares = found / found.sum()
    assert (shares > 0.02).all() and shares.max() < 0.6


def test_same_arguments_same_bytes() -> None:
    window, look = Window(-40, 300, 200, 250), scenery(climate="savanna")
    first = look.draw(window, 4)
    forget()
    assert_same(first, look.draw(window, 4))
    for other in (look.draw(window, 5), scenery(climate="boreal").draw(window, 4)):
        assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("window", [Window(500, 490, 40, 200), Window(0, 511, 513, 2)])
@pytest.mark.parametrize(("climate", "seed"), [("coast", 3), ("temperate", 9)])
def test_any_window_equals_the_same_part_of_a_larger_one(climate: str, seed: int, window: Window) -> None:
    layout = layout_of(seed, climate, "satellite")
    whole = draw(layout, Window(0, 0, 600, 700))
    forget()
    rows, cols = window.slices()
    part = Drawing(whole.image[:, rows, cols], whole.classes[rows, cols], whole.height[rows, cols])
    assert_same(draw(layout, window), part)


def test_cells_join_without_a_seam() -> None:
    """What is labelled or high goes on across the border of two cells."""
    drawing = draw(layout_of(7, "tropical", "aerial"), Window(0, 384, 512, 256))
    across = (drawing.classes[:, 127] == drawing.classes[:, 128]).mean()
    inside = [(drawing.classes[:, k] == drawing.classes[:, k + 1]).mean() for k in (90, 110, 150, 170)]
    assert across > min(inside) - 0.03


def test_near_infrared_is_a_fourth_band_that_changes_nothing_else() -> None:
    look, window = scenery(climate="temperate", sensor="aerial"), Window(0, 0, 300, 300)
    plain, infrared = look.draw(window, 8), look.draw(window, 8, nir=True)
    assert infrared.image.shape == (4, 300, 300)
    assert_same(plain, Drawing(infrared.image[:3], infrared.classes, infrared.height))


def test_seeds_differ_in_climate_and_sensor() -> None:
    settings = [layout_of(seed).setting for seed in range(40)]
    assert len({setting.name for setting in settings}) >= 8
    assert {setting.sensor.kind for setting in settings} == set(SENSORS)
    assert all(0.05 <= setting.sensor.pixel <= 1 for setting in settings)


def test_closed_forest_is_dark_textured_vegetation() -> None:
    """Rainforest and taiga, and water beside them: neither is flat, and none takes the other's class."""
    from smalti.synth.world.blocks.woods import wood
    from smalti.synth.world.plan import Plan

    for climate in ("boreal", "tropical"):
        layout = layout_of(2, climate, "aerial")
        i, j = next((i, j) for i in range(30) for j in range(30) if layout.kind(i, j) == "wood")
        block = layout.block(i, j)
        plan = Plan(layout.warp, layout.setting)
        wood(plan, np.random.default_rng(1), block)
        plan.close()
        assert len(plan.trees) > 100
        middle = plan.warp.world(block.corners.mean(0)[None])[0] - layout.origin
        col, row = (middle / layout.setting.sensor.pixel).astype(int).tolist()
        drawing = draw(layout, Window(row - 40, col - 40, 80, 80))
        if (drawing.classes == VEGETATION).mean() > 0.9:
            grey = drawing.image[:3].mean(0)
            assert grey.mean() < 120 and grey.std() > 6 and (drawing.height > 2).mean() > 0.6


def test_a_block_away_from_water_is_the_same_without_asking_for_it() -> None:
    from smalti.synth.seeds import rng_for
    from smalti.synth.world.blocks import BUILDERS
    from smalti.synth.world.plan import Plan

    layout = layout_of(9, "temperate", "satellite")
    blocks = (layout.block(i, j) for i in range(12) for j in range(12))
    block = next(block for block in blocks if layout.settled(block.kind) and layout.dry(block))
    plans = [Plan(layout.warp, layout.setting, dry=dry) for dry in (False, True)]
    for plan in plans:
        BUILDERS[block.kind](plan, rng_for(1, "test"), block)
        plan.close()
    asked, spared = plans
    assert np.array_equal(asked.trees, spared.trees) and np.array_equal(asked.house_boxes, spared.house_boxes)
    assert len(asked.houses) > 0 and np.array_equal(asked.patch_boxes, spared.patch_boxes)


def test_a_trodden_path_is_land_and_a_track_is_road() -> None:
    from smalti.synth.world.plan import Plan
    from smalti.synth.world.roads import path

    layout = layout_of(9, "savanna", "aerial")
    plan = Plan(layout.warp, layout.setting, dry=True)
    for width in (1.2, 3.0):
        path(plan, np.random.default_rng(0), np.array([[0.0, 0.0], [30.0, 5.0]]), width)
    assert [patch.surface.label for patch in plan.patches] == [LAND, ROAD]
