"""Heights and depths of public datasets: in the task's unit, missing ones told, what they hold counted."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from smalti.card import Card, Task
from smalti.data.pixels.scored import scored_pairs
from smalti.data.pixels.sources import DatasetSource, open_source
from smalti.datasets.check import check_contents, check_files
from smalti.datasets.index import find_items
from smalti.datasets.nyuv2 import EIGEN_CROP, FORTY, THIRTEEN, TO_THIRTEEN
from smalti.datasets.nyuv2_file import NAME
from smalti.datasets.nyuv2_split import TEST, TRAIN
from smalti.datasets.reader import make_opener
from smalti.datasets.registry import DATASETS
from smalti.errors import DataError, DataWarning, LabelError, MissingExtraError, RasterError
from smalti.raster.values import ValueSpec
from smalti.tiling import Window
from smalti.workflows.eval_data import dataset_split
from tests.datasets.drawn import HEIGHT, lay_out, save, small, truth

HEIGHTS = Task(name="height", kind="value", unit="m", quantity="height", minimum=0)
DEPTHS = Task(name="depth", kind="value", unit="m", quantity="depth", minimum=0)


@pytest.fixture
def laid(tmp_path, monkeypatch):
    """Lays out a small set, which then goes by its name; gives its description, an image and an opener."""

    def lay(name):
        dataset = small(DATASETS[name])
        monkeypatch.setitem(DATASETS, name, dataset)
        lay_out(dataset, tmp_path)
        search = find_items(dataset, tmp_path, "train")
        return dataset, search.items[0], make_opener(dataset, search.bands, search.bands, dataset.task())

    return lay


def read(opener, item, name, task, spec=None):
    grid = opener.image(item).grid
    window = Window(0, 0, grid.height, grid.width)
    return opener.values(item, grid, name, task, spec or ValueSpec()).read(window)


@pytest.mark.parametrize(
    ("name", "values", "task", "metres"),
    [
        ("vaihingen", "ndsm", HEIGHTS, 0.7),
        ("vaihingen", "dsm", HEIGHTS, 7),
        ("potsdam", "dsm", HEIGHTS, 7),
        ("nyuv2", "depth", DEPTHS, 0.007),
        ("nyuv2-13", "depth_raw", DEPTHS, 0.007),
        ("nyuv2-refinenet", "depth", DEPTHS, 0.0014),
        ("nyuv2-file", "depth", DEPTHS, 2),
        ("nyuv2-file-13", "depth_raw", DEPTHS, 7),
    ],
)
def test_values_come_in_the_unit_of_the_task(laid, name, values, task, metres):
    dataset, item, opener = laid(name)
    found = read(opener, item, values, task)
    assert found.shape == truth(dataset).shape and np.allclose(found, metres)
    assert np.allclose(read(opener, item, values, task.model_copy(update={"unit": "cm"})), 100 * metres)


def test_a_unit_that_nobody_tells_is_asked_for(laid):
    _, item, opener = laid("potsdam")
    with pytest.raises(
        DataError, match=r"no scale is known from its ndsm to height in m.*state with scale what a value of 1 means"
    ):
        read(opener, item, "ndsm", HEIGHTS)
    assert np.allclose(read(opener, item, "ndsm", HEIGHTS, ValueSpec(scale=0.1)), 0.7)


def test_heights_may_lack_the_last_column_where_the_set_is_known_for_it(laid):
    dataset, item, opener = laid("potsdam")
    width = truth(dataset).shape[1]
    save(item.values["dsm"], np.full((HEIGHT, width - 1), 7, np.uint8))
    found = read(opener, item, "dsm", HEIGHTS)
    assert (found[:, :-1] == 7).all() and np.isnan(found[:, -1]).all()
    other = replace(item, values={"dsm": item.values["dsm"].with_name("other.tif")})
    save(other.values["dsm"], np.full((HEIGHT, width - 2), 7, np.uint8))
    with pytest.raises(LabelError, match="they must be the same"):
        read(opener, other, "dsm", HEIGHTS)


def source_of(name, **more):
    return DatasetSource.model_validate({"kind": "dataset", "name": name, "path": ".", "split": "train", **more})


def card_of(dataset, *tasks):
    return Card(name="t", net="ued", bands=next(iter(dataset.images)), tasks=tasks)


def test_scenes_have_classes_and_values_together(laid, tmp_path):
    dataset, _, _ = laid("nyuv2-file")
    tasks = dataset.task(), DEPTHS
    [scene, _] = open_source(source_of("nyuv2-file"), tmp_path, card_of(dataset, *tasks), tasks)
    patch = scene.read(Window(2, -1, HEIGHT, 20))
    assert patch.image.shape == (HEIGHT, 20, 3) and (patch.image == 90).all()
    assert np.array_equal(patch.targets["classes"][:-2, 1:], truth(dataset)[2:, :19])
    assert (patch.targets["classes"][-2:] == 255).all() and (patch.targets["classes"][:, 0] == 255).all()
    assert (patch.targets["depth"][:-2, 1:] == 2).all() and np.isnan(patch.targets["depth"][-2:]).all()
    [raw, _] = open_source(
        source_of("nyuv2-file", also={"depth": {"name": "depth_raw"}}, tasks=["depth"]), tmp_path, scene._card, tasks
    )
    assert (
        set(raw.read(Window(0, 0, 4, 4)).targets) == {"depth"}
        and raw.read(Window(0, 0, 4, 4)).targets["depth"][0, 0] == 7
    )
    assert raw.path != open_source(source_of("nyuv2-file"), tmp_path, scene._card, tasks)[1].path


def test_values_are_scored_too(laid, tmp_path):
    dataset, _, _ = laid("vaihingen")
    [pair, *_], places = scored_pairs(source_of("vaihingen"), tmp_path, card_of(dataset, HEIGHTS), [HEIGHTS])
    image = pair.open_image()
    assert np.allclose(pair.truth["height"](image.grid).read(Window(0, 0, 3, 3)), 0.7) and len(places) == 2


def test_the_command_line_scores_what_is_there_and_tells_what_is_not(laid, tmp_path):
    dataset, item, _ = laid("vaihingen")
    card = card_of(dataset, dataset.task(), HEIGHTS, DEPTHS)
    assert set(dataset_split("vaihingen:train", tmp_path, card).pairs[0].truth) == {"classes", "height"}
    assert dataset_split("vaihingen:train", tmp_path, card_of(dataset, HEIGHTS)).pairs[0].open_others is None
    item.values["ndsm"].unlink()
    with pytest.warns(DataWarning, match="height is not scored: vaihingen: 1 of 2 images have no ndsm"):
        assert set(dataset_split("vaihingen:train", tmp_path, card).pairs[0].truth) == {"classes"}
    with pytest.raises(DataError, match="vaihingen has no ground truth for the tasks depth"):
        dataset_split("vaihingen:train", tmp_path, card_of(dataset, DEPTHS))


def test_values_without_a_unit_are_taken_only_when_asked_for(laid, tmp_path):
    dataset, _, _ = laid("potsdam")
    tasks = dataset.task(), HEIGHTS
    card = card_of(dataset, *tasks)
    [scene, _] = open_source(source_of("potsdam"), tmp_path, card, tasks)
    assert set(scene.read(Window(0, 0, 4, 4)).targets) == {"classes"}
    with pytest.raises(DataError, match="labels no task of height; choose from its values with `also`: ndsm, dsm"):
        open_source(source_of("potsdam", tasks=["height"]), tmp_path, card, tasks)
    also = {"height": {"name": "ndsm", "values": {"scale": 0.1}}}
    [scene, _] = open_source(source_of("potsdam", also=also), tmp_path, card, tasks)
    assert np.allclose(scene.read(Window(0, 0, 4, 4)).targets["height"], 0.7)


def test_values_that_are_missing_stop_only_the_tasks_that_need_them(laid, tmp_path):
    dataset, item, _ = laid("vaihingen")
    item.values["ndsm"].unlink()
    tasks = dataset.task(), HEIGHTS
    card = card_of(dataset, *tasks)
    with pytest.raises(DataError, match=r"1 of 2 images have no ndsm, the first one is dsm_09cm_matching_area1_norm"):
        open_source(source_of("vaihingen"), tmp_path, card, tasks)
    assert len(open_source(source_of("vaihingen", tasks=["classes"]), tmp_path, card, tasks)) == 2
    with pytest.raises(DataError, match="no values called 'nsdm'; it has ndsm, dsm"):
        open_source(source_of("vaihingen", also={"height": {"name": "nsdm"}}), tmp_path, card, tasks)
    with pytest.raises(DataError, match="vaihingen labels no task of depth; choose from its values"):
        open_source(source_of("vaihingen"), tmp_path, card, (DEPTHS,))
    files = check_files(dataset, tmp_path)
    assert files.lacking == ("dsm_09cm_matching_area1_normalized.jpg",) and not files.missing
    for path in tmp_path.glob("*_normalized.jpg"):
        path.unlink()
    assert not check_files(dataset, tmp_path).lacking


def test_what_values_hold_is_counted_and_what_is_wrong_told(laid, tmp_path):
    dataset, item, _ = laid("nyuv2")
    depths = np.full(truth(dataset).shape, 3000, np.uint16)
    depths[:3] = 0
    depths[5:] = 4500
    Image.fromarray(depths).save(item.values["depth"])
    contents = check_contents(dataset, check_files(dataset, tmp_path, "train"))
    found = contents.values["depth"]
    assert (found.low, found.high) == pytest.approx((0.007, 4.5))
    assert found.pixels - found.known == 3 * depths.shape[1] and not contents.problems
    Image.fromarray(depths[1:]).save(item.values["depth"])
    contents = check_contents(dataset, check_files(dataset, tmp_path, "train"))
    assert len(contents.problems) == 1 and "they must be the same" in contents.problems[0]


def test_every_name_of_the_file_gets_its_class(laid, tmp_path):
    dataset, item, opener = laid("nyuv2-file-13")
    found = opener.labels(item, opener.image(item).grid).read(Window(0, 0, 2, truth(dataset).shape[1]))
    assert np.array_equal(found, truth(dataset)[:2])
    pixels, valid = opener.image(item).read(Window(-1, 0, 3, 3))
    assert pixels.shape == (3, 3, 3) and valid.all()


def test_another_file_is_refused_in_one_line(laid, tmp_path, monkeypatch):
    _, item, opener = laid("nyuv2-file")
    with pytest.raises(RasterError, match=r"has no image 9 in images; expected nyu_depth_v2_labeled\.mat"):
        opener.image(replace(item, id="0009"))
    broken = replace(item, labels=tmp_path / "broken.mat", image=tmp_path / NAME)
    broken.labels.write_bytes(b"no mapping")
    with pytest.raises(RasterError, match="has no mapClass of 894 numbers"):
        opener.labels(broken, opener.image(item).grid)
    (tmp_path / "cut.mat").write_bytes((tmp_path / NAME).read_bytes()[:900])
    with pytest.raises(RasterError, match=r"cut\.mat: cannot be opened"):
        opener.image(replace(item, image=tmp_path / "cut.mat"))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"h5py.*pip install 'smalti\[nyuv2\]'"):
        opener.image(item)


def test_the_numbers_of_nyuv2_are_those_of_its_authors():
    assert (len(TRAIN), len(TEST)) == (795, 654) and {*TRAIN, *TEST} == set(range(1, 1450))
    assert TEST[:4] == (1, 2, 9, 14) and TRAIN[:2] == (3, 4)
    joined = dict(zip(FORTY, (THIRTEEN[number - 1] for number in TO_THIRTEEN), strict=True))
    assert joined["floor mat"] == "floor" and joined["desk"] == "table" and joined["blinds"] == "window"
    assert set(joined.values()) == set(THIRTEEN)
    assert (EIGEN_CROP.bottom, EIGEN_CROP.right) == (471, 601)


def test_real_samples_have_depths_of_rooms(shared_data, tmp_path):
    names = {"000464": "ExpNYUD_joint", "000433": "ExpNYUD_three"}
    for folder, kind in (("rgb", ""), ("masks", "segm_gt_"), ("depth", "depth_gt_")):
        (tmp_path / folder).mkdir()
        for name, home in names.items():
            (tmp_path / folder / f"{name}.png").symlink_to(shared_data / "nyuv2" / home / f"{kind}{name}.png")
    dataset = DATASETS["nyuv2-refinenet"]
    part = replace(dataset.splits["test"], ids=tuple(names))
    dataset = replace(dataset, splits={"test": part})
    contents = check_contents(dataset, check_files(dataset, tmp_path))
    assert not contents.problems
    found = contents.values["depth"]
    assert 0.5 < found.low < 2 and found.high == pytest.approx(29649 / 5000) and 0.6 < found.known / found.pixels < 0.7
    assert {dataset.classes[i] for i in np.flatnonzero(contents.pixels["test"][:40])} >= {"wall", "floor"}
