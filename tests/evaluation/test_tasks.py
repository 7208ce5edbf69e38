"""Several tasks scored in one pass."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from smalti.card import Card, Task
from smalti.datasets.nyuv2_crop import CROPS
from smalti.errors import DataError
from smalti.evaluation import Pair, evaluate
from smalti.tiling import Window
from smalti.value_metrics import ValueCounts
from tests.evaluation.test_run import Array, Thirds, Truth, case, small_card

HEIGHT = Task(name="height", kind="value", unit="m", quantity="height", minimum=0.0)


def two_tasks(*more: Task) -> Card:
    return small_card().model_copy(update={"tasks": (*small_card().tasks, HEIGHT, *more)})


@dataclass
class Both(Thirds):
    """Thirds of the brightness, and a tenth of it as height."""

    card: Card = field(default_factory=two_tasks)
    calls: int = 0

    def __call__(self, batch):
        self.calls += 1
        return super().__call__(batch) | {"height": batch[:, :1].astype(np.float32) / 10}


def scene(seed, height=37, width=45):
    image, classes = case(seed, height, width)
    heights = (image / 10 + np.random.default_rng(seed).normal(0, 0.5, image.shape)).astype(np.float32)
    heights[heights > 24] = np.nan
    return image, classes, heights


def pair(name, image, classes=None, heights=None, valid=None):
    truth = {}
    if classes is not None:
        truth["cover"] = lambda grid: Truth(classes)
    if heights is not None:
        truth["height"] = lambda grid: Truth(heights)
    return Pair(name, lambda: Array(image, valid), truth)


def test_both_tasks_are_scored_in_one_pass_and_pooled_over_images():
    scenes = [scene(1), scene(2, 16, 16)]
    predict = Both()
    found = evaluate(predict, [pair(str(i), *s) for i, s in enumerate(scenes)], data="drawn")
    counts = ValueCounts(1.0)
    for image, _, heights in scenes:
        counts.add(heights, image.astype(np.float32) / 10)
    assert list(found.tasks) == ["cover", "height"]
    assert found["height"].counts.counts == pytest.approx(counts.counts, rel=1e-5)  # blended in float32
    assert found["cover"].scores.pixels == sum((classes != 255).sum() for _, classes, _ in scenes)
    assert [row.name for row in found["height"].images] == ["0", "1"]
    alone = Both()
    evaluate(alone, [pair(str(i), *s) for i, s in enumerate(scenes)], tasks=["height"])
    assert predict.calls == alone.calls


def test_labels_may_be_missing_for_a_task():
    one, other = scene(1), scene(2)
    pairs = [pair("both", *one), pair("classes only", *other[:2]), pair("none", other[0])]
    found = evaluate(Both(), pairs)
    assert (found["cover"].protocol.images, found["height"].protocol.images) == (2, 1)
    assert evaluate(Both(), pairs[1:]).tasks == ("cover",)
    unknown = np.full(one[0].shape, np.nan, np.float32)
    assert evaluate(Both(), [pair("a", *one[:2], unknown)]).tasks == ("cover",)
    with pytest.raises(DataError, match="no labelled pixel in 0 images"):
        evaluate(Both(), pairs[2:])


def test_pixels_without_image_are_ignored_in_every_task():
    image, classes, heights = scene(3)
    valid = np.ones(image.shape, bool)
    valid[:20] = False
    found = evaluate(Both(), [pair("a", image, classes, heights, valid)])
    assert found["height"].scores.pixels == np.isfinite(heights[20:]).sum()
    assert found["height"].protocol.ignored == heights.size - found["height"].scores.pixels


def test_the_protocol_states_unit_threshold_and_crop(monkeypatch):
    image, classes, heights = scene(4)
    monkeypatch.setitem(CROPS, "eigen", replace(CROPS["eigen"], window=Window(10, 5, 9, 7), height=37, width=45))
    found = evaluate(Both(), [pair("a", image, classes, heights)], crop="eigen")
    protocol = str(found["height"].protocol)
    assert "values in m" in protocol and "only where the truth is at least 1 m" in protocol
    assert "crop: eigen: rows 10 to 18, columns 5 to 11, counted from 0" in protocol
    assert found["height"].scores.pixels == np.isfinite(heights[10:19, 5:12]).sum()
    assert "crop" not in str(found["cover"].protocol)
    other = evaluate(Both(), [pair("a", image, classes, heights)], above={"height": 2.5})
    assert "at least 2.5 m" in str(other["height"].protocol)
    assert other["height"].scores.pixels_above == (heights >= 2.5).sum()


def test_the_eigen_crop_is_of_nyuv2s_frames_only():
    with pytest.raises(DataError, match="has 45x37 pixels, the eigen crop is made for 640x480"):
        evaluate(Both(), [pair("a", *scene(4))], crop="eigen")
    truth = np.ones((480, 640), np.float32)
    cut = CROPS["eigen"].cut(truth, Window(0, 0, 480, 640))
    assert np.isfinite(cut[45:471, 41:601]).all() and np.isfinite(cut).sum() == 426 * 560


def test_a_depth_counts_wherever_it_is_known():
    depth = HEIGHT.model_copy(update={"quantity": "depth"})
    predict = Both(small_card().model_copy(update={"tasks": (depth,)}))
    image, _, heights = scene(5)
    [found] = evaluate(predict, [pair("a", image, None, heights)])
    assert found.scores.above == 0 and "above 0 m" in str(found.protocol)


def test_json_and_table_hold_all_tasks():
    found = evaluate(Both(), [pair("a", *scene(6))], data="town")
    told = json.loads(found.to_json())
    assert list(told["tasks"]) == ["cover", "height"]
    assert told["tasks"]["height"]["main"] == {
        "name": "RMSE", "value": found["height"].scores.rmse, "higher_is_better": False
    }  # fmt: skip
    names = [score["name"] for score in told["scores"]]
    assert {"cover mIoU", "height RMSE (m)", "height delta 1"} <= set(names)
    assert all("town" in score["protocol"] for score in told["scores"])
    text = str(found)
    assert "height in m" in text and f"{found['height'].scores.rmse:.4g}" in text and text.count("protocol") == 2


def test_tiles_of_every_task_are_kept(monkeypatch):
    monkeypatch.setattr("smalti.evaluation.tiles.SIDE", 16)
    image, classes, heights = scene(7, 32, 32)
    found = evaluate(Both(), [pair("a", image, classes, heights)], tiles=True)
    tiles = {result.task.name: result.tiles for result in found}
    assert len(tiles["cover"]) == len(tiles["height"]) == 4
    for tile in tiles["height"]:
        window = tile.window.slices()
        truth, answer = tile.maps()
        assert truth == pytest.approx(heights[window][::2, ::2], abs=0.02, nan_ok=True)
        assert answer == pytest.approx(image[window][::2, ::2] / 10, abs=0.02)
        error = (image / 10 - heights)[window]
        assert tile.rmse == pytest.approx(np.sqrt(np.nanmean(error**2)), rel=1e-4)


def test_augmentation_averages_every_task():
    class Sloped(Both):
        def __call__(self, batch):
            return super().__call__(batch) | {
                "height": np.broadcast_to(np.arange(batch.shape[3], dtype=np.float32), (1, 1, *batch.shape[2:]))
            }

    image, classes, _ = scene(8, 16, 16)
    found = evaluate(Sloped(), [pair("a", image, classes, np.full((16, 16), 7.5, np.float32))], tta=True)
    assert found["height"].scores.rmse == pytest.approx(0, abs=1e-5)  # a slope and its mirror image are flat
    assert "mean of 2, 4 or 8 flips and turns" in str(found["height"].protocol)


def test_scores_of_several_tasks_are_asked_for_by_name():
    found = evaluate(Both(), [pair("a", *scene(9))])
    with pytest.raises(DataError, match="several tasks; choose one: cover, height"):
        found.scores  # noqa: B018
    with pytest.raises(KeyError, match="no task 'roof' was scored; there are cover, height"):
        found["roof"]
    assert len(found) == 2 and found.card.name == "small"


def test_heights_by_place() -> None:
    pairs = []
    for name, place in (("a", "plain"), ("b", "plain"), ("c", "town")):
        image, classes, heights = scene(ord(name))
        pairs.append(replace(pair(name, image, classes, heights + 5 * (place == "town")), place=place))
    places = evaluate(Both(), pairs, by_place=True)["height"].places
    assert [(row.place, row.images) for row in places.rows] == [("plain", 2), ("town", 1)]
    alone = evaluate(Both(), pairs[2:])["height"].scores
    assert places.rows[1].values == (alone.rmse, alone.abs)
    assert places.worst.place == "town"
