from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from smalti.card import Task
from smalti.data.images.augment import ImageAugment
from smalti.data.images.class_folders import read_class_folders
from smalti.data.images.labelled import Labelled, label
from smalti.data.images.stream import ImageBatch, ImageStream, OpenCvCutter, one_pass
from smalti.errors import DataError
from tests.data.images.tiny import write_class_folders

TASK = Task(name="colour", kind="image_classes", labels=("red", "green", "blue"))
SIZE = 16


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    folder = tmp_path_factory.mktemp("images")
    write_class_folders(folder, 3)
    return label([read_class_folders(folder, "colour")], [TASK])


def stream(images: Labelled, seed: int = 1, repeats: int = 1, **augment: object) -> ImageStream:
    settings = ImageAugment.model_validate({"operations": 1, "brightness": 0.2} | augment)
    return ImageStream(images, [repeats] * len(images.files), settings, OpenCvCutter(SIZE), seed)


def same(one: ImageBatch, other: ImageBatch) -> bool:
    return torch.equal(one["image"], other["image"]) and one["names"] == other["names"]


def test_a_batch_is_a_function_of_seed_and_number_alone(images: Labelled) -> None:
    with closing(stream(images).batches(2, 4, 3)) as batches:
        ahead = list(islice(batches, 4))
    again = stream(images)
    for number, batch in reversed(list(enumerate(ahead, 2))):  # in another order, in one thread
        assert same(batch, again.batch(number, 4))
    assert not same(stream(images, seed=2).batch(2, 4), ahead[0])
    assert ahead[0]["image"].shape == (4, 3, SIZE, SIZE) and ahead[0]["image"].dtype == torch.uint8


def test_each_pass_has_every_image_in_an_order_of_its_own(images: Labelled) -> None:
    one = stream(images)
    passes = [[one.place(9 * lap + at) for at in range(9)] for lap in range(3)]
    assert all(sorted(places) == list(range(9)) for places in passes) and passes[0] != passes[1] != passes[2]
    twice = stream(images, repeats=2)
    assert twice.length == 18 and sorted(twice.place(at) for at in range(18)) == sorted([*range(9)] * 2)


def test_answers_belong_to_their_images(images: Labelled) -> None:
    batch = stream(images, operations=0, brightness=0).batch(0, 6)
    colours = batch["image"].float().mean((2, 3)).argmax(1)  # the strongest band is the class
    assert torch.equal(colours, batch["targets"]["colour"])
    assert all(TASK.labels[c] in name for c, name in zip(colours.tolist(), batch["names"], strict=True))


def test_shares_of_a_batch_are_the_batch_and_neighbours_mix_alike(images: Labelled) -> None:
    one = stream(images, mixup=0.4)
    whole = one.batch(5, 4)
    parts = [one.batch(5, 4, share) for share in (range(2), range(2, 4))]
    assert torch.equal(torch.cat([part["image"] for part in parts]), whole["image"])
    assert torch.equal(torch.cat([part["share"] for part in parts]), whole["share"])
    assert whole["share"][0] == whole["share"][1] != whole["share"][2] == whole["share"][3]
    assert (stream(images).batch(0, 4)["share"] == 1).all()


def test_one_pass_shows_the_middle_of_each_once_in_order(images: Labelled) -> None:
    batches = list(one_pass(images, range(1, 9, 2), 3, 0.5, OpenCvCutter(SIZE), 2))
    assert [len(batch["names"]) for batch in batches] == [3, 1]
    assert [name for batch in batches for name in batch["names"]] == images.files[1::2]
    assert list(one_pass(images, range(0), 3, 0.5, OpenCvCutter(SIZE), 1)) == []


def test_a_file_that_breaks_later_stops_the_stream_with_its_name(images: Labelled, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff broken")
    bad = Labelled([str(tmp_path / "x.jpg")], {"colour": np.zeros(1, np.int64)})
    with closing(stream(bad).batches(0, 2, 1)) as batches, pytest.raises(DataError, match=r"x\.jpg"):
        next(batches)
