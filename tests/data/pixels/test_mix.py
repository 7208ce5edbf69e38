"""Mixed windows: what is taken of the second one, and that a window's number alone decides."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from smalti.card import Card, Task
from smalti.data.pixels.augment import Augment
from smalti.data.pixels.mix import Mix, mixed
from smalti.data.pixels.pool import Pool
from smalti.data.pixels.sample import Patch
from smalti.data.pixels.scenes import MemoryScene
from smalti.data.pixels.stream import Stream
from smalti.raster.grid import Grid

TASK = Task(name="classes", labels=tuple("abcde"))
CARD = Card(name="t", net="ued", mean=(0.5,) * 3, std=(0.2,) * 3, tasks=(TASK,))
IGNORE = TASK.ignore


def patch_of(labels: np.ndarray, first: float, valid: np.ndarray | None = None) -> Patch:
    """A patch whose pixels tell their place and, by `first`, whose they are."""
    places = np.arange(labels.size, dtype=np.float32).reshape(*labels.shape, 1) + np.float32(first)
    return Patch(places, {"classes": labels}, np.ones(labels.shape, bool) if valid is None else valid, f"{first:g}")


def two() -> tuple[Patch, Patch]:
    rng = np.random.default_rng(4)
    below, above = (rng.integers(low, low + 4, (40, 60)).astype(np.uint8) for low in (10, 0))
    above[:5] = IGNORE
    return patch_of(below, 0), patch_of(above, 10000, rng.random((40, 60)) > 0.1)


def taken(patch: Patch) -> np.ndarray:
    """Which pixels are the second patch's; asserts that labels and validity came along."""
    from_above = patch.image[..., 0] >= 10000
    below, above = two()
    both = [(one.image, one.targets["classes"][..., None], one.valid[..., None]) for one in (patch, above, below)]
    for found, over, under in zip(*both, strict=True):
        assert np.array_equal(found, np.where(from_above[..., None], over, under))
    return from_above


def test_cutmix_takes_one_rectangle_of_the_windows_shape() -> None:
    areas = []
    for seed in range(300):
        mask = taken(mixed(*two(), "cutmix", [TASK], np.random.default_rng(seed)))
        rows, cols = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        areas.append(mask.mean())
        if not len(rows):
            continue
        assert mask.sum() == (rows[-1] - rows[0] + 1) * (cols[-1] - cols[0] + 1)
        if rows[0] > 0 and rows[-1] < 39 and cols[0] > 0 and cols[-1] < 59:
            assert abs((cols[-1] - cols[0] + 1) / (rows[-1] - rows[0] + 1) - 1.5) < 1.5 / len(rows) + 0.1
    assert min(areas) < 0.01 and max(areas) > 0.8
    # The mean of what is left of a square of side s whose middle lies anywhere: (s - s^2/4)^2, s^2 drawn evenly.
    side = np.sqrt((np.arange(10000) + 0.5) / 10000)
    assert abs(np.mean(areas) - np.mean((side - side**2 / 4) ** 2)) < 0.04


@pytest.mark.parametrize(("classes", "half"), [(4, 2), (3, 2), (1, 1), (0, 0)])
def test_classmix_takes_all_of_half_of_the_classes_and_nothing_ignored(classes: int, half: int) -> None:
    below, above = two()
    labels = above.targets["classes"].copy()
    labels[(labels >= classes) & (labels != IGNORE)] = classes - 1 if classes else IGNORE
    above = Patch(above.image, {"classes": labels}, above.valid)
    known = above.valid & (labels != IGNORE)
    found = set()
    for seed in range(20):
        patch = mixed(below, above, "classmix", [TASK], np.random.default_rng(seed))
        mask = patch.image[..., 0] >= 10000
        drawn = np.unique(labels[mask])
        assert len(drawn) == half and np.array_equal(mask, known & np.isin(labels, drawn))
        assert (
            np.array_equal(patch.targets["classes"], np.where(mask, labels, below.targets["classes"]))
            and patch.valid.all()
        )
        found.add(tuple(drawn))
    assert len(found) == {4: 6, 3: 3, 1: 1, 0: 1}[classes]


def stream_of(mix: Mix, chance: float = 0.5) -> Stream:
    labels = np.random.default_rng(0).integers(0, 5, (200, 200)).astype(np.uint8)
    whole = Patch(labels[..., None].repeat(3, 2) * 40, {"classes": labels}, np.ones(labels.shape, bool))
    pool = Pool([MemoryScene("made", None, Grid(200, 200), (TASK,), lambda: whole)], "area")
    augment = Augment(
        preset="none", rotate=0.5, scale=(0.8, 1.5), mix=mix, **({} if mix == "none" else {"mix_chance": chance})
    )
    return Stream([(1.0, pool, augment)], CARD, [TASK], 32, seed=7)


@pytest.mark.parametrize("mix", ["cutmix", "classmix"])
def test_shares_of_a_batch_are_the_windows_of_the_whole_batch(mix: Mix) -> None:
    whole = stream_of(mix).batch(3, 6)
    parts = [stream_of(mix).batch(3, 6, share) for share in (range(0, 3), range(3, 6))]
    assert torch.equal(whole["image"], torch.cat([part["image"] for part in parts]))
    assert torch.equal(whole["targets"]["classes"], torch.cat([part["targets"]["classes"] for part in parts]))
    assert whole["names"] == [name for part in parts for name in part["names"]]
    assert 0 < sum(" under " in name for name in whole["names"]) < 6


def test_windows_that_are_not_mixed_are_those_of_a_stream_without_mixing() -> None:
    plain, some, every = stream_of("none"), stream_of("cutmix"), stream_of("cutmix", 1)
    alike = [np.array_equal(plain.patch(i).image, some.patch(i).image) for i in range(30)]
    assert 5 < sum(alike) < 25
    assert all(every.patch(i).name.startswith(plain.patch(i).name + " under ") for i in range(5))


def test_a_chance_without_a_way_of_mixing_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"mix_chance 0\.8 is given, but mix is none; set mix to cutmix or classmix"
    ):
        Augment(mix_chance=0.8)
