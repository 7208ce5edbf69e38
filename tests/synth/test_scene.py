import numpy as np
import pytest

from smalti.synth import CLASSES, Drawing, draw
from smalti.synth.canvas import CELL
from smalti.synth.scene import cell_at, plan_at
from smalti.tiling import Window

LAND, WATER, BUILDING, VEGETATION, ROAD = range(5)
TOWN = Window(0, 0, 3 * CELL, 3 * CELL)


@pytest.fixture(scope="module")
def town() -> Drawing:
    return draw(TOWN, 7)


def forget() -> None:
    cell_at.cache_clear()
    plan_at.cache_clear()


def assert_same(a: Drawing, b: Drawing) -> None:
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.classes, b.classes)
    assert np.array_equal(a.height, b.height)


def test_shapes_and_types() -> None:
    drawing = draw(Window(5, 9, 40, 30), 3)
    assert drawing.image.shape == (3, 40, 30) and drawing.image.dtype == np.uint8
    assert drawing.classes.shape == (40, 30) and drawing.classes.dtype == np.uint8
    assert drawing.height.shape == (40, 30) and drawing.height.dtype == np.float32


def test_same_seed_same_bytes() -> None:
    window = Window(200, -300, 300, 200)
    first = draw(window, 4)
    forget()
    assert_same(first, draw(window, 4))
    assert not np.array_equal(first.image, draw(window, 5).image)


@pytest.mark.parametrize("window", [Window(500, 490, 40, 600), Window(0, 1023, 513, 2), Window(511, 511, 2, 2)])
def test_any_window_equals_the_same_part_of_a_larger_one(town: Drawing, window: Window) -> None:
    forget()
    rows, cols = window.slices()
    part = Drawing(town.image[:, rows, cols], town.classes[rows, cols], town.height[rows, cols])
    assert_same(draw(window, 7), part)


def test_world_goes_on_in_all_directions() -> None:
    whole = draw(Window(-50, -50, 100, 100), 2)
    assert_same(draw(Window(-50, -50, 30, 30), 2), crop(whole, 30))
    far = draw(Window(10**6, -(10**6), 64, 64), 2)
    assert far.image.std() > 0


def crop(drawing: Drawing, size: int) -> Drawing:
    return Drawing(drawing.image[:, :size, :size], drawing.classes[:size, :size], drawing.height[:size, :size])


def test_near_infrared_is_a_fourth_band_that_changes_nothing_else() -> None:
    window = Window(0, 0, 700, 700)
    plain, infrared = draw(window, 7), draw(window, 7, nir=True)
    assert infrared.image.shape == (4, 700, 700)
    assert_same(plain, Drawing(infrared.image[:3], infrared.classes, infrared.height))
    nir, classes = infrared.image[3], infrared.classes
    assert np.median(nir[classes == VEGETATION]) > np.median(nir[classes == ROAD]) + 20
    assert np.median(nir[classes == WATER]) < np.median(nir[classes == ROAD]) - 20


def test_all_classes_are_there_in_reasonable_shares(town: Drawing) -> None:
    shares = np.bincount(town.classes.ravel(), minlength=len(CLASSES)) / town.classes.size
    assert len(shares) == len(CLASSES)
    assert (shares > 0.03).all()
    assert 0.08 < shares[BUILDING] < 0.3 and 0.06 < shares[ROAD] < 0.2


def test_heights_agree_with_classes(town: Drawing) -> None:
    tall = town.height > 2
    assert np.isin(town.classes[tall], (BUILDING, VEGETATION)).all()
    assert tall[town.classes == BUILDING].all()
    assert not town.height[town.classes == WATER].any()
    assert (town.height >= 0).all() and town.height.max() < 80


def test_cars_stand_on_the_class_of_the_ground(town: Drawing) -> None:
    cars = (town.height > 0) & (town.height <= 2)
    assert cars.sum() > 500
    assert (town.classes[cars] == ROAD).mean() > 0.5


def test_pitched_roofs_rise_to_their_ridge(town: Drawing) -> None:
    roofs = town.height[town.classes == BUILDING]
    assert len(np.unique(roofs.round(1))) > 50


def test_shadows_fall_away_from_the_sun() -> None:
    from smalti.synth.canvas import SIZE, blank
    from smalti.synth.light import shadows
    from smalti.synth.style import style_of

    canvas = blank(0, 0, style_of(1))
    canvas.height[SIZE // 2 - 5 : SIZE // 2 + 5, SIZE // 2 - 5 : SIZE // 2 + 5] = 10
    dark = np.argwhere(shadows(canvas) < 0.5) - SIZE // 2
    towards_sun = dark @ np.array(canvas.style.sun)[::-1]
    assert len(dark) > 100
    assert towards_sun.max() < 8
    assert -towards_sun.min() == pytest.approx(10 / canvas.style.slope / 0.3, abs=9)
