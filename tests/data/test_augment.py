import numpy as np
import pytest

from smalti.card import Task
from smalti.data.augment import Augment, View, apply_view, change_colours, choose_view
from smalti.data.sample import Patch

TASK = Task(name="t", labels=tuple("abcde"))
PLAIN = Augment(scale=(1, 1), brightness=0, contrast=0, saturation=0, balance=0, gamma=0, blur=0)


def patch_of(side: int, bands: int = 3) -> Patch:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, (side, side)).astype(np.uint8)
    return Patch(np.repeat(labels[..., None] * 40, bands, 2), {"t": labels}, labels > 0)


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("bands", [1, 3, 6])
def test_turns_and_flips_move_whole_pixels_jointly(quarter: int, mirror: bool, bands: int) -> None:
    view = View(1.0, quarter * np.pi / 2, mirror, 32)
    seen = apply_view(patch_of(view.side, bands), view, [TASK])
    assert view.side == 32
    assert np.array_equal(seen.image, np.repeat(seen.targets["t"][..., None] * 40, bands, 2))
    assert np.array_equal(seen.valid, seen.targets["t"] > 0)
    assert np.array_equal(np.sort(seen.targets["t"], None), np.sort(patch_of(32).targets["t"], None))


@pytest.mark.parametrize("zoom", [0.5, 0.77, 1.0, 1.9])
@pytest.mark.parametrize("angle", [0.0, 0.6, np.pi / 2])
def test_no_pixel_comes_from_beyond_the_ground_that_was_read(zoom: float, angle: float) -> None:
    view = View(zoom, angle, False, 64)
    side = view.side
    everywhere = np.ones((side, side), np.uint8)
    seen = apply_view(
        Patch(np.full((side, side, 3), 9, np.uint8), {"t": everywhere}, everywhere.astype(bool)), view, [TASK]
    )
    assert seen.image.shape == (64, 64, 3)
    assert (seen.targets["t"] == 1).all() and seen.valid.all()


def test_nothing_asked_for_changes_nothing() -> None:
    patch = patch_of(32)
    rng = np.random.default_rng(0)
    assert np.allclose(change_colours(patch.image, PLAIN, 1 / 255, rng), patch.image, atol=1e-3)


@pytest.mark.parametrize("bands", [1, 3, 4, 8])
def test_light_changes_any_number_of_bands_and_is_seeded(bands: int) -> None:
    image = patch_of(32, bands).image.astype(np.uint16)
    first, second = (change_colours(image, Augment(blur=1), 1 / 255, np.random.default_rng(5)) for _ in range(2))
    assert first.shape == image.shape and first.dtype == np.float32
    assert np.array_equal(first, second) and not np.allclose(first, image)


def test_views_stay_in_the_range_of_zoom() -> None:
    rng = np.random.default_rng(0)
    zooms = [choose_view(Augment(scale=(0.5, 2)), 32, rng).zoom for _ in range(200)]
    assert 0.5 <= min(zooms) < 0.6 and 1.8 < max(zooms) <= 2
