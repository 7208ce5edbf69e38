"""Every dataset: its description holds together, and files laid out as it says are found, read and counted."""

from dataclasses import replace

import numpy as np
import pytest

from smalti.datasets.check import check_contents, check_files
from smalti.datasets.index import find_items
from smalti.datasets.registry import DATASETS, find_dataset, find_split
from smalti.errors import DataError
from tests.datasets.drawn import HEIGHT, STRIPE, ignored, lay_out, real, small

ALL = pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)


@ALL
def test_files_laid_out_as_downloaded_are_complete(dataset, tmp_path):
    dataset = small(dataset)
    lay_out(dataset, tmp_path / "Some Folder")
    files = check_files(dataset, tmp_path)
    assert not files.missing and not files.extra
    assert all(len(search.items) >= 2 for search in files.searches.values())
    assert all(found == total for found, total in files.optional.values())
    contents = check_contents(dataset, files)
    assert not contents.problems
    for name, pixels in contents.pixels.items():
        images = len(files.searches[name].items)
        if not dataset.splits[name].listed:
            each = HEIGHT * STRIPE * images
            assert pixels.tolist() == [each] * len(dataset.classes) + [each if ignored(dataset) is not None else 0]


@ALL
def test_a_missing_file_is_named_and_an_extra_one_too(dataset, tmp_path):
    dataset = small(dataset)
    lay_out(dataset, tmp_path)
    name = next(iter(dataset.splits))
    [first, *_] = find_items(dataset, tmp_path, name).items
    first.labels.unlink()
    (tmp_path / "holiday.mp3").touch()
    files = check_files(dataset, tmp_path)
    lost = real(dataset.labels[0], first.image.stem if first.window else first.id)
    assert [path.casefold().replace("*", "") for path in files.missing] == [lost.casefold()]
    assert [path.name for path in files.extra] == ["holiday.mp3"]
    with pytest.raises(DataError, match=r"incomplete for its split .* missing"):
        find_items(dataset, tmp_path, name)


@ALL
def test_an_empty_folder_misses_everything(dataset, tmp_path):
    files = check_files(dataset, tmp_path)
    assert all(search.missing and not search.items for search in files.searches.values())


@ALL
def test_a_description_holds_together(dataset):
    task = dataset.task()
    assert len(set(dataset.classes)) == len(dataset.classes) == len(set(task.colors))
    assert {*dataset.spec.colors.values(), *dataset.spec.ids.values()} - {"ignore"} == set(dataset.classes)
    assert set(dataset.leave_out) <= set(dataset.classes)
    assert dataset.licence and dataset.citation and dataset.url.startswith("http")
    assert all(split.images and split.words for split in dataset.splits.values())


def ids(dataset, *splits):
    return [set(DATASETS[dataset].splits[name].ids) for name in splits]


def test_the_splits_are_those_of_the_literature():
    train, test = ids("vaihingen", "train", "test")
    assert (len(train), len(test)) == (16, 17) and not train & test
    fewer, four = ids("vaihingen", "train-12", "test-4")
    assert (len(fewer), len(four)) == (12, 4) and fewer | four == train and not fewer & four
    fewer, five = ids("vaihingen", "train-11", "validation-5")
    assert (len(fewer), len(five)) == (11, 5) and fewer | five == train
    train, test = ids("potsdam", "train", "test")
    assert (len(train), len(test)) == (24, 14) and not train & test
    assert train - ids("potsdam", "train-23")[0] == {"7_10"}
    train, test = ids("deepglobe", "train", "test")
    validation = DATASETS["deepglobe"].splits["validation"]
    assert (len(train), validation.count, len(test)) == (454, 207, 142) and not train & test
    assert set(validation.but) == train | test
    train, validation, every = ids("inria", "train", "validation", "all")
    assert (len(train), len(validation)) == (155, 25) and train | validation == every
    parts = ids("dubai", "train", "validation", "test", "test-8")
    assert [len(part) for part in parts] == [45, 9, 9, 9] and len(set().union(*parts)) == 72


def test_what_is_not_known_is_named():
    with pytest.raises(DataError, match="did you mean vaihingen"):
        find_dataset("vahingen")
    with pytest.raises(DataError, match="did you mean train"):
        find_split(DATASETS["potsdam"], "trian")
    with pytest.raises(DataError, match="labels of its split test are not public"):
        find_split(DATASETS["loveda"], "test")


def test_unusable_labels_are_told_with_what_is_wrong(tmp_path):
    from PIL import Image

    dataset = small(DATASETS["vaihingen"])
    lay_out(dataset, tmp_path)
    items = find_items(dataset, tmp_path, "train").items
    pixels = np.asarray(Image.open(items[0].labels)).copy()
    Image.fromarray(pixels[:5]).save(items[0].labels)
    dataset = replace(dataset, spec=dataset.spec.model_copy(update={"threshold": None}))
    pixels[3, 4] = 200, 10, 0
    Image.fromarray(pixels).save(items[1].labels)
    problems = check_contents(dataset, check_files(dataset, tmp_path, "train")).problems
    assert len(problems) == 2 and "they must be the same" in problems[0]
    assert "unknown colour #C80A00 in 1 pixel, first at row 3, column 4" in problems[1]
