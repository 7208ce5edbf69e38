from pathlib import Path

import numpy as np
import pytest
import torch

from smalti.arrays import Picture
from smalti.data.photos.augment import PhotoAugment, augmented
from smalti.data.photos.inputs import InputCache, series_inputs
from smalti.data.photos.series import ranked_folders
from smalti.data.photos.stream import PhotoStream
from smalti.photos.cues import cues
from smalti.photos.overview import GREY, overview
from tests.data.photos.tiny import write_ranked


class Counted:
    """Counts how often the photos of a series are opened."""

    def __init__(self, folder: Path) -> None:
        self.inner, self.opened = ranked_folders(folder), 0
        self.keys = self.inner.keys
        self.truth = self.inner.truth

    def __len__(self) -> int:
        return len(self.inner)

    def pixels(self, number: int) -> list[Picture]:
        self.opened += 1
        return list(self.inner.pixels(number))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ranked(tmp_path_factory.mktemp("ranked"), 4)


def stream(folder: Path, photos: int = 3, hard: bool = False, **augment: float) -> PhotoStream:
    cache = InputCache([ranked_folders(folder)], 10**8)
    return PhotoStream(cache, [1.0], PhotoAugment(**augment), photos=photos, hard=hard, seed=5)


def test_the_shelf_keeps_what_it_may(folder: Path) -> None:
    collection = Counted(folder)
    cache = InputCache([collection], 10**8)
    looked = series_inputs(collection.inner, 2)
    for _ in range(2):
        again = cache.take(0, 2)
        np.testing.assert_array_equal(again.images, looked.images)
        np.testing.assert_array_equal(again.cues, looked.cues)
        np.testing.assert_array_equal(again.twin_images, looked.twin_images)
        np.testing.assert_array_equal(again.twin_cues, looked.twin_cues)
    assert collection.opened == 1
    photo = collection.pixels(2)[0]
    np.testing.assert_array_equal(looked.images[0], overview(photo))
    np.testing.assert_array_equal(looked.cues[0], cues(photo))
    empty = InputCache([Counted(folder)], 0)
    np.testing.assert_array_equal(empty.take(0, 1).images, empty.take(0, 1).images)
    assert empty.collections[0].opened == 2  # type: ignore[attr-defined]


def test_a_batch_is_a_function_of_its_number(folder: Path) -> None:
    one, other = stream(folder), stream(folder)
    batches = other.batches(3, 2, 2)
    for number in (3, 4, 5):
        expected, got = one.batch(number, 2), next(batches)
        assert got["names"] == expected["names"]
        for key in ("image", "cues", "twin_image", "twin_cues", "pairs", "chance", "series", "place"):
            assert torch.equal(got[key], expected[key]), key  # type: ignore[literal-required]
    batches.close()


def test_pairs_orders_and_photos_belong_together(folder: Path) -> None:
    batch = stream(folder).batch(0, 4)
    assert batch["series"].tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3 and len(batch["pairs"]) == 12
    detail = batch["cues"][:, 2]  # softer photos are worse
    for (a, b), chance in zip(batch["pairs"].tolist(), batch["chance"].tolist(), strict=True):
        assert batch["series"][a] == batch["series"][b]
        assert (detail[a] > detail[b]) == (chance > 0.5) == (batch["place"][a] < batch["place"][b])
    assert 0 < batch["chance"].sum() < 12  # both sides win


@pytest.mark.slow
def test_a_series_is_changed_in_so_many_ways(folder: Path) -> None:
    cache = InputCache([ranked_folders(folder)], 10**8)
    few = PhotoStream(cache, [1.0], PhotoAugment(), photos=2, hard=False, seed=5, variants=2)
    batch = few.batch(0, 60)
    pictures = {image.numpy().tobytes() for image in batch["image"]}
    assert len(pictures) == 2 * len(batch["image"].unique(dim=0)) // 2 <= 2 * 4 * 3  # ways, series, photos
    assert {image.numpy().tobytes() for image in few.batch(1, 60)["image"]} == pictures
    assert len({image.numpy().tobytes() for image in stream(folder, photos=2).batch(0, 60)["image"]}) == 120


def test_of_large_series_some_photos_are_drawn(folder: Path) -> None:
    batch = stream(folder, photos=2).batch(0, 3)
    assert len(batch["image"]) == 6 and sorted(batch["place"].tolist()) == [0, 0, 0, 1, 1, 1]


def test_hard_labels_are_rounded(folder: Path) -> None:
    cache = InputCache([Soft(folder)], 10**8)
    batch = PhotoStream(cache, [1.0], PhotoAugment(), photos=3, hard=True, seed=5).batch(0, 4)
    assert set(batch["chance"].tolist()) <= {0.0, 1.0} and len(batch["pairs"]) == 4
    soft = PhotoStream(cache, [1.0], PhotoAugment(), photos=3, hard=False, seed=5).batch(0, 4)
    assert len(soft["pairs"]) == 8 and 0.5 in soft["chance"].tolist()


class Soft(Counted):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from dataclasses import replace

        self.truth = lambda k: replace(self.inner.truth(k), preferences=((0, 1, 0.7), (1, 2, 0.5)), order=())


def test_all_photos_of_a_series_are_changed_alike() -> None:
    image = overview(np.random.default_rng(0).integers(0, 255, (200, 256, 3), np.uint8))
    images = np.stack([image, image, image])
    for seed in range(4):
        changed = augmented(images, PhotoAugment(zoom=0.3, colour=0.2), np.random.default_rng(seed))
        assert (changed == changed[0]).all() and not np.array_equal(changed[0], image)
    same = augmented(images, PhotoAugment(mirror=0, turn=0, zoom=0, colour=0), np.random.default_rng(0))
    np.testing.assert_array_equal(same, images)
    mirrored = augmented(images, PhotoAugment(mirror=1, turn=0, zoom=0, colour=0), np.random.default_rng(0))
    np.testing.assert_array_equal(mirrored[:, :, :, 1:-1], images[:, :, :, ::-1][:, :, :, 1:-1])
    turned = augmented(images, PhotoAugment(mirror=0, turn=1, zoom=0, colour=0), np.random.default_rng(0))
    assert any(np.array_equal(turned, np.rot90(images, quarters, (2, 3))) for quarters in (1, 2, 3))
    coloured = augmented(images, PhotoAugment(mirror=0, turn=0, zoom=0, colour=0.5), np.random.default_rng(0))
    assert (coloured[:, :, :10] == GREY).all()  # what surrounds the photo
