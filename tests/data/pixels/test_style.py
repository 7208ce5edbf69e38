"""Style mixing: what a window takes of another one, for any bands and pixels, and that its number alone decides."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from smalti.card import Card, Task
from smalti.data.pixels.augment import Augment
from smalti.data.pixels.pool import Pool
from smalti.data.pixels.sample import Patch
from smalti.data.pixels.scenes import MemoryScene
from smalti.data.pixels.stream import Stream
from smalti.data.pixels.style import MOST, Kind, Style, styled
from smalti.raster.grid import Grid

TASK = Task(name="classes", labels=("one", "two"))


def card_of(bands: int, dtype: str = "uint8", scale: float = 1 / 255) -> Card:
    names = tuple(f"b{k}" for k in range(bands))
    return Card(name="t", net="ued", bands=names, dtype=dtype, scale=scale, mean=(0.5,) * bands, std=(0.2,) * bands,
                tasks=(TASK,))  # fmt: skip


def window(bands: int, middle: Sequence[float], spread: Sequence[float], *, seed: int, name: str = "") -> Patch:
    rng = np.random.default_rng(seed)
    image = (rng.normal(size=(48, 48, bands)) * spread + middle).astype(np.float32)
    labels = rng.integers(0, 2, (48, 48)).astype(np.uint8)
    return Patch(image, {"classes": labels}, rng.random((48, 48)) > 0.2, name)


class Whole(np.random.Generator):
    """Always draws 1: the whole style."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self) -> float:  # type: ignore[override]
        return 1.0


@pytest.mark.parametrize(("bands", "dtype"), [(1, "uint16"), (3, "uint8"), (6, "float32")])
def test_statistics_are_those_of_the_other_window(bands: int, dtype: str) -> None:
    top = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    ours, theirs = np.linspace(0.3, 0.5, bands) * top, np.linspace(0.6, 0.45, bands) * top
    first = window(bands, ours, np.full(bands, 0.03 * top), seed=1)
    second = window(bands, theirs, np.full(bands, 0.06 * top), seed=2)
    found = styled(first, second, Style(), card_of(bands, dtype, 1 / top), Whole())
    for statistic in (np.mean, np.std):
        expected = statistic(second.image[second.valid].astype(float), 0)
        np.testing.assert_allclose(statistic(found.image[first.valid].astype(float), 0), expected, rtol=1e-3)
    assert found.image.dtype == np.float32
    assert found.targets is first.targets and found.valid is first.valid
    np.testing.assert_array_equal(found.image[~first.valid], first.image[~first.valid])


def test_fourier_takes_the_low_amplitudes_and_keeps_phases_and_the_rest() -> None:
    first, second = (window(4, [0.4] * 4, [0.1] * 4, seed=seed) for seed in (3, 4))
    first, second = (Patch(p.image, p.targets, np.ones_like(p.valid)) for p in (first, second))
    style = Style(kind="fourier", reach=0.05)
    found = styled(first, second, style, card_of(4, "float32", 1.0), Whole())
    before, after, other = (np.fft.fft2(p.image, axes=(0, 1)) for p in (first, found, second))
    frequency = np.abs(np.fft.fftfreq(48))
    low = (frequency[:, None] <= 0.05) & (frequency[None] <= 0.05)
    assert low.sum() == 25
    np.testing.assert_allclose(np.abs(after)[low], np.abs(other)[low], rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(after[~low], before[~low], rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(np.exp(1j * np.angle(after[low])), np.exp(1j * np.angle(before[low])), atol=1e-2)


@pytest.mark.parametrize("kind", ["statistics", "fourier"])
def test_a_part_of_the_way_is_between_and_integers_keep_their_range(kind: Kind) -> None:
    dark, bright = window(3, [20] * 3, [20] * 3, seed=5), window(3, [240] * 3, [60] * 3, seed=6)
    means = [styled(dark, bright, Style(kind=kind), card_of(3), np.random.default_rng(k)).image for k in range(8)]
    assert all(image.min() >= 0 or not dark.valid[image.min(2) < 0].any() for image in means)
    assert all(image[dark.valid].max() <= 255 for image in means)
    levels = [float(image[dark.valid].mean()) for image in means]
    assert min(levels) > 15 and max(levels) < 245 and np.std(levels) > 20


def test_a_flat_window_stays_smooth_and_a_window_without_valid_pixels_is_left_alone() -> None:
    flat, other = window(3, [50] * 3, [1e-3] * 3, seed=7), window(3, [90] * 3, [30] * 3, seed=8)
    found = styled(flat, other, Style(), card_of(3), Whole())
    assert found.image[flat.valid].std(0).max() <= 1.1e-3 * MOST
    empty = Patch(other.image, other.targets, np.zeros_like(other.valid))
    assert styled(flat, empty, Style(), card_of(3), Whole()) is flat


def test_other_bands_do_not_mix() -> None:
    with pytest.raises(ValueError, match=r"style of an image \(48, 48, 4\) for one \(48, 48, 3\)"):
        styled(window(3, [9] * 3, [1] * 3, seed=0), window(4, [9] * 4, [1] * 4, seed=0), Style(), card_of(3), Whole())


def pool_of(name: str, colour: Sequence[int]) -> Pool:
    rng = np.random.default_rng(sum(colour))
    image = np.clip(rng.normal(size=(90, 90, 3)) * 10 + colour, 0, 255).astype(np.uint8)
    whole = Patch(image, {"classes": (image[..., 0] > colour[0]).astype(np.uint8)}, np.ones((90, 90), bool))
    return Pool([MemoryScene(name, None, Grid(90, 90), (TASK,), lambda: whole)], "area")


def stream_of(style: object, *, alone: bool = False) -> Stream:
    augment = Augment.model_validate({"preset": "none", "style": style})
    pools = [(1.0, pool_of("red", (200, 40, 40)), augment), (1.0, pool_of("green", (40, 200, 40)), augment)]
    return Stream(pools[: 1 if alone else 2], card_of(3), [TASK], 32, seed=3)


@pytest.mark.parametrize("kind", ["statistics", "fourier"])
def test_a_window_takes_the_style_of_another_source_and_keeps_its_labels(kind: Kind) -> None:
    plain, mixed = stream_of(0), stream_of({"chance": 0.6, "kind": kind})
    changed = 0
    for number in range(30):
        before, after = plain.patch(number), mixed.patch(number)
        np.testing.assert_array_equal(before.targets["classes"], after.targets["classes"])
        assert before.name == after.name
        if not np.array_equal(before.image, after.image):
            changed += 1
            own, other = (0, 1) if "red" in before.name else (1, 0)
            move = after.image.mean((0, 1)) - before.image.mean((0, 1))
            assert move[own] < 0 < move[other]
    assert 10 < changed < 26


def test_shares_of_a_batch_with_styles_are_the_windows_of_the_whole_batch() -> None:
    whole = stream_of(0.7).batch(2, 6)
    parts = [stream_of(0.7).batch(2, 6, share) for share in (range(0, 3), range(3, 6))]
    assert torch.equal(whole["image"], torch.cat([part["image"] for part in parts]))


def test_a_single_source_takes_the_style_of_its_own_windows() -> None:
    plain, mixed = stream_of(0, alone=True), stream_of(1.0, alone=True)
    assert not np.array_equal(plain.patch(0).image, mixed.patch(0).image)


@pytest.mark.parametrize("value", [0, False, 0.0])
def test_nothing_disables_style_mixing(value: object) -> None:
    assert Augment.model_validate({"style": value}).style is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "expected a chance or a table like { chance = 0.5 }, not True"),
        (1.5, "less than or equal to 1"),
        ({"reach": 0.1}, r"reach 0\.1 is given, but kind is statistics; set kind to fourier"),
        ({"kind": "colour"}, "'statistics' or 'fourier'"),
    ],
)
def test_wrong_styles_are_refused(value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Augment.model_validate({"style": value})


def test_a_number_is_the_chance_and_a_table_has_the_settings() -> None:
    assert Augment.model_validate({"style": 0.25}).style == Style(chance=0.25)
    style = Augment.model_validate({"style": {"chance": 0.5, "kind": "fourier", "reach": 0.02}}).style
    assert style == Style(chance=0.5, kind="fourier", reach=0.02)
