import numpy as np
import pytest
from pydantic import ValidationError

from smalti.card import Task
from smalti.data.pixels.augment import Augment, View, apply_view, choose_view
from smalti.data.pixels.colours import change_colours, to_white
from smalti.data.pixels.harsh import harsh
from smalti.data.pixels.sample import Patch
from tests.tiny import tiny_card

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


HEIGHT = Task(name="height", kind="value", quantity="height", unit="m")
DEPTH = Task(name="depth", kind="value", quantity="depth", unit="m")
BOTH = [HEIGHT, DEPTH]


def valued(values: np.ndarray) -> Patch:
    image = np.zeros((*values.shape, 3), np.uint8)
    return Patch(image, {"height": values, "depth": values}, np.ones(values.shape, bool))


@pytest.mark.parametrize("zoom", [0.5, 1.0, 1.6])
def test_a_zoom_divides_depths_and_leaves_heights_alone(zoom: float) -> None:
    view = View(zoom, 0.4, True, 32)
    seen = apply_view(valued(np.full((view.side, view.side), 6, np.float32)), view, BOTH)
    assert (seen.targets["height"] == 6).all()
    np.testing.assert_allclose(seen.targets["depth"], 6 / zoom, rtol=1e-6)
    assert {target.dtype for target in seen.targets.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("zoom", "angle"), [(0.6, 0.0), (1.7, 0.7), (1.0, np.pi / 2)])
def test_no_value_is_mixed_with_an_unknown_one(zoom: float, angle: float) -> None:
    view = View(zoom, angle, False, 48)
    values = np.random.default_rng(0).choice(np.array([2, 40, np.nan], np.float32), (view.side, view.side))
    found = apply_view(valued(values), view, BOTH).targets["height"]
    assert set(np.unique(found[~np.isnan(found)])) == {2, 40}
    assert abs(np.isnan(found).mean() - 1 / 3) < 0.08


def test_values_turn_with_the_image() -> None:
    values = np.arange(64, dtype=np.float32).reshape(8, 8)
    patch = Patch(values[..., None].repeat(3, 2), {"height": values}, np.ones((8, 8), bool))
    for quarter in range(4):
        seen = apply_view(patch, View(1.0, quarter * np.pi / 2, quarter == 1, 8), [HEIGHT])
        assert np.array_equal(seen.targets["height"], seen.image[..., 0])


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


@pytest.mark.parametrize("bands", [1, 2, 3, 5])
@pytest.mark.parametrize("how", ["coarse", "jpeg"])
def test_pixels_made_coarser_or_compressed_lose_detail_alone(bands: int, how: str) -> None:
    noise = np.random.default_rng(1).normal(0, 12, (64, 64, bands))
    image = np.clip(np.linspace(40, 200, bands) + noise, 0, 255).astype(np.float32)
    changed = [
        change_colours(image, PLAIN.model_copy(update={how: 1.0}), 1 / 255, np.random.default_rng(seed))
        for seed in range(8)
    ]
    for found in changed:
        assert found.shape == image.shape and found.dtype == np.float32
        assert np.abs(found.mean((0, 1)) - image.mean((0, 1))).max() < 2
        assert found.std(axis=(0, 1)).max() < 14
    assert min(found.std(axis=(0, 1)).max() for found in changed) < 10.5


@pytest.mark.parametrize("jpeg", [0.0, 1.0])
def test_colours_of_bytes_change_alike_whatever_the_card_makes_of_them(jpeg: float) -> None:
    image = np.random.default_rng(2).integers(40, 200, (32, 32, 3)).astype(np.uint8)
    settings = Augment(gamma=0.5, jpeg=jpeg)
    unit, plain = (tiny_card(scale=scale, mean=(127.0,) * 3, std=(128.0,) * 3) for scale in (1 / 255, 1.0))
    for seed in range(20):
        found = change_colours(image, settings, to_white(plain), np.random.default_rng(seed))
        assert 20 < found.mean() < 235
        np.testing.assert_array_equal(
            found, change_colours(image, settings, to_white(unit), np.random.default_rng(seed))
        )


@pytest.mark.parametrize("gamma", [0.0, 0.4])
def test_values_below_zero_stay_there(gamma: float) -> None:
    image = np.random.default_rng(2).normal(-12, 8, (32, 32, 2)).astype(np.float32)  # decibels
    card = tiny_card(("vv", "vh"), dtype="float32", scale=0.1)
    found = change_colours(image, PLAIN.model_copy(update={"gamma": gamma}), to_white(card), np.random.default_rng(4))
    assert np.array_equal(np.sign(found), np.sign(image))
    order = image.ravel().argsort()
    assert (np.diff(found.ravel()[order]) > -1e-4).all()  # powers are rounded
    if not gamma:
        np.testing.assert_allclose(found, image, rtol=1e-5)


def test_changes_that_are_off_leave_the_numbers_of_the_others() -> None:
    image, settings = patch_of(32).image, Augment(blur=0.5)
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    before, after = (change_colours(image, each, 1 / 255, rng) for each, rng in (
        (settings, one), (settings.model_copy(update={"jpeg": 1e-9}), other)))  # fmt: skip
    assert np.array_equal(before, after) and one.random() != other.random()


@pytest.mark.parametrize("bands", [1, 4, 5, 8])
def test_images_of_many_bands_are_zoomed_as_each_band_is(bands: int) -> None:
    patch = patch_of(32, bands)
    seen = apply_view(patch, View(0.5, 0.0, False, 16), [TASK])
    means = patch.image.reshape(16, 2, 16, 2, bands).astype(float).mean((1, 3))
    assert seen.image.shape == (16, 16, bands) and np.abs(seen.image - means).max() <= 0.5 + 1e-6
    card = tiny_card(tuple(f"b{k}" for k in range(bands)), tasks=(TASK,))
    rng = np.random.default_rng(0)
    assert all(harsh(patch, card, rng).image.shape == patch.image.shape for _ in range(40))


def test_views_stay_in_the_range_of_zoom() -> None:
    rng = np.random.default_rng(0)
    zooms = [choose_view(Augment(scale=(0.5, 2)), 32, rng).zoom for _ in range(200)]
    assert 0.5 <= min(zooms) < 0.6 and 1.8 < max(zooms) <= 2


def test_windows_at_whole_scales_are_averaged_to_the_size_of_the_crop() -> None:
    augment = Augment(preset="none", scales=(1, 2, 3))
    rng = np.random.default_rng(0)
    views = [choose_view(augment, 24, rng) for _ in range(300)]
    sides = [view.side for view in views]
    assert {side: sides.count(side) > 70 for side in sides} == {24: True, 48: True, 72: True}
    for view in views[:20]:
        patch, times = patch_of(view.side), view.side // 24
        seen = apply_view(patch, view, [TASK])
        average = patch.image.astype(float).reshape(24, times, 24, times, 3).mean((1, 3))
        assert np.abs(seen.image - average).max() <= 0.5 + 1e-6
        blocks = patch.targets["t"].reshape(24, times, 24, times).transpose(0, 2, 1, 3).reshape(24, 24, -1)
        assert (blocks == seen.targets["t"][..., None]).any(2).all()  # each label is one of the pixels under it


def test_scales_multiply_with_the_zoom_and_a_single_one_changes_nothing() -> None:
    jitter, both = Augment(scale=(0.8, 1.25)), Augment(scale=(0.8, 1.25), scales=(2, 4))
    zooms = [choose_view(both, 24, np.random.default_rng(i)).zoom for i in range(200)]
    factors = [choose_view(jitter, 24, np.random.default_rng(i)).zoom / zoom for i, zoom in enumerate(zooms)]
    assert {round(factor, 9) for factor in factors} == {2, 4}
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    other.uniform(size=2), other.uniform(), other.integers(4), other.random()
    choose_view(jitter, 24, one)
    assert one.random() == other.random()


@pytest.mark.parametrize("scales", [(), (0, 1), (1.5,), (2, 2)])
def test_scales_that_make_no_sense_are_refused(scales: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="scales"):
        Augment.model_validate({"scales": scales})


def test_a_preset_gives_defaults_that_single_keys_override() -> None:
    assert Augment(preset="none") == PLAIN.model_copy(update={"preset": "none", "flips": False, "turns": False})
    light, heavy = Augment(preset="light"), Augment(preset="heavy", blur=0.9)
    assert heavy.blur == 0.9 and heavy.rotate == 0.5
    strengths = ("rotate", "brightness", "contrast", "saturation", "balance", "gamma", "blur")
    assert all(getattr(light, key) < getattr(heavy, key) for key in strengths)
    assert Augment.model_validate(heavy.model_dump()) == heavy
    with pytest.raises(ValidationError, match="preset"):
        Augment.model_validate({"preset": "hard"})
