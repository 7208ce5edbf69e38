"""Images and labels as a card and a task ask for them."""

import numpy as np
import pytest
from PIL import Image

from smalti.card import Task
from smalti.datasets.index import find_items
from smalti.datasets.reader import make_opener
from smalti.datasets.registry import DATASETS
from smalti.errors import DataError
from smalti.raster.crop import CroppedReader
from smalti.raster.read import open_raster
from smalti.tiling import Window
from tests.datasets.drawn import lay_out, save, small, truth


def test_bands_are_those_of_the_data_set_not_of_the_file(tmp_path):
    dataset = small(DATASETS["vaihingen"])
    lay_out(dataset, tmp_path)
    [item, *_] = find_items(dataset, tmp_path, "train", ("red", "nir")).items
    save(item.image, np.stack([np.full((12, 18), value, np.uint8) for value in (10, 20, 30)], axis=2))
    opener = make_opener(dataset, ("nir", "red", "green"), ("red", "nir"), dataset.task())
    pixels, _ = opener.image(item).read(Window(0, 0, 2, 2))
    assert pixels[:, 0, 0].tolist() == [20, 10]
    with pytest.raises(DataError, match=r"vaihingen has \(nir, red, green\); the card asks for red, green, blue"):
        find_items(dataset, tmp_path, "train", ("red", "green", "blue"))


def test_files_of_the_system_are_none_of_the_data_set(tmp_path):
    dataset = small(DATASETS["loveda"])
    lay_out(dataset, tmp_path)
    before = find_items(dataset, tmp_path, "train").items
    for path in list(tmp_path.rglob("*.png")):
        path.with_name(f"._{path.name}").write_bytes(b"junk")
    assert find_items(dataset, tmp_path, "train").items == before


@pytest.mark.parametrize(
    ("bands", "folder"), [(("nir", "green"), "3_Ortho_IRRG"), (("red", "green", "blue", "nir"), "4_Ortho_RGBIR")]
)
def test_a_choice_of_bands_decides_which_files_are_read(tmp_path, bands, folder):
    dataset = small(DATASETS["potsdam"])
    lay_out(dataset, tmp_path)
    assert {item.image.parent.name for item in find_items(dataset, tmp_path, "test", bands).items} == {folder}


def test_of_equal_choices_the_one_that_is_there_is_taken(tmp_path):
    dataset = small(DATASETS["potsdam"])
    lay_out(dataset, tmp_path)
    for path in (tmp_path / "2_Ortho_RGB").iterdir():
        path.unlink()
    search = find_items(dataset, tmp_path, "train", ("red", "green", "blue"))
    assert search.bands == ("red", "green", "blue", "nir")


def test_eroded_labels_and_heights_are_found(tmp_path):
    dataset = small(DATASETS["potsdam"])
    lay_out(dataset, tmp_path)
    [item, *_] = find_items(dataset, tmp_path, "train", borders="eroded").items
    assert item.truth("eroded").name == "top_potsdam_2_10_label_noBoundary.tif"
    assert item.values["dsm"].name == "dsm_potsdam_02_10.tif"
    item.truth("eroded").unlink()
    with pytest.raises(DataError, match="noBoundary"):
        find_items(dataset, tmp_path, "train", borders="eroded")
    with pytest.raises(DataError, match="no eroded labels of its own"):
        find_items(DATASETS["loveda"], tmp_path, "train", borders="eroded")


def test_classes_can_be_renamed_joined_and_ignored(tmp_path):
    dataset = small(DATASETS["vaihingen"])
    lay_out(dataset, tmp_path)
    [item, *_] = find_items(dataset, tmp_path, "train").items
    task = Task(name="t", labels=("green", "grey", "building"), colors=((0, 0, 255), (1, 1, 1), (255, 0, 0)))
    classes = {"tree": "green", "low vegetation": "green", "impervious surface": "grey", "car": 1, "clutter": "ignore"}
    opener = make_opener(dataset, next(iter(dataset.images)), ("nir",), task, classes)
    with open_raster(item.image) as image:
        found = opener.labels(item, image.grid).read(Window(0, 0, 1, image.grid.width))
    assert found[0, ::3].tolist() == [1, 2, 0, 0, 1, 255, 255]
    with pytest.raises(DataError, match="has the class 'car'"):
        make_opener(
            dataset, opener.has, opener.bands, task, {name: to for name, to in classes.items() if name != "car"}
        )
    with pytest.raises(DataError, match="no class 'house'"):
        make_opener(dataset, opener.has, opener.bands, task, {"house": "building"})


def test_off_colours_are_parted_at_128(tmp_path):
    dataset = small(DATASETS["potsdam"])
    lay_out(dataset, tmp_path)
    [item, *_] = find_items(dataset, tmp_path, "train").items
    colors = np.array([(252, 255, 0), (9, 222, 221), (225, 227, 227), (130, 0, 140)], np.uint8)
    save(item.labels, np.repeat(colors[None], truth(dataset).shape[0], 0).repeat(6, 1)[:, : truth(dataset).shape[1]])
    opener = make_opener(dataset, ("red", "green", "blue"), ("red",), dataset.task())
    with open_raster(item.image) as image:
        found = opener.labels(item, image.grid).read(Window(0, 0, 1, image.grid.width))
    assert found[0, [0, 6, 12, 18]].tolist() == [4, 2, 0, 255]  # car, low vegetation, impervious, magenta


def test_chips_are_windows_counted_row_by_row(tmp_path):
    dataset = small(DATASETS["landcoverai"])  # its chips are 4 pixels a side here
    lay_out(dataset, tmp_path)
    rng = np.random.default_rng(0)
    image, labels = rng.integers(0, 255, (10, 14, 3), np.uint8), rng.integers(0, 5, (10, 14), np.uint8)
    save(tmp_path / "images" / "10_1.tif", image)
    save(tmp_path / "masks" / "10_1.tif", labels)
    (tmp_path / "test.txt").write_text("10_1_2\n10_1_4\n")  # four chips begin in each row, the last one is cut
    items = find_items(dataset, tmp_path, "test").items
    assert [item.window for item in items] == [Window(0, 8, 4, 4), Window(4, 0, 4, 4)]
    opener = make_opener(dataset, ("red", "green", "blue"), ("red", "green", "blue"), dataset.task())
    chip = opener.image(items[0])
    assert (chip.grid.height, chip.grid.width) == (4, 4)
    save(tmp_path / "alone.tif", image[0:4, 8:12])
    with open_raster(tmp_path / "alone.tif") as alone:
        for window in (Window(0, 0, 4, 4), Window(-2, 1, 7, 7), Window(2, 2, 1, 1)):
            assert np.array_equal(chip.read(window)[0], alone.read(window)[0])
    read = opener.labels(items[1], chip.grid).read(Window(-1, 0, 4, 4))
    assert (read[0] == 255).all() and np.array_equal(read[1:], labels[4:7, 0:4])
    (tmp_path / "test.txt").write_text("10_1_3\n10_1_4\n")
    with pytest.raises(DataError, match="no chip 10_1_3"):
        find_items(dataset, tmp_path, "test")
    for damaged in ("10_1_x", "10_1_", "10"):
        (tmp_path / "test.txt").write_text(f"10_1_3\n{damaged}\n")
        with pytest.raises(DataError, match=rf"test\.txt, line 2: is '{damaged}'; expected an image and the number"):
            find_items(dataset, tmp_path, "test")


def test_a_cropped_reader_knows_the_place_of_its_window(tmp_path):
    Image.new("L", (9, 7), 5).save(tmp_path / "a.png")
    cropped = CroppedReader(open_raster(tmp_path / "a.png"), Window(2, 3, 4, 5))
    assert cropped.grid.xy(0, 0) == (3.0, 2.0)
    cropped.close()
