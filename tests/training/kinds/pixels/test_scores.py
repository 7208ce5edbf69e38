"""Scores of several tasks from the counts of all processes."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from smalti.card import Card, Task
from smalti.data.pixels.label_stats import LabelCounts
from smalti.evaluation import Evaluation, Pair, evaluate
from smalti.raster.grid import Grid
from smalti.tiling import Window
from smalti.training.distributed import ALONE, Team
from smalti.training.kinds.pixels.scores import TaskScores

COVER = Task(name="cover", labels=("land", "roof"))
HEIGHT = Task(name="height", kind="value", quantity="height", unit="m", minimum=0.0)
CARD = Card(name="t", net="multitask", tile=32, overlap=0, tasks=(COVER, HEIGHT))
SCORES = TaskScores(CARD.tasks)
SIDE = 32


class Held:
    """An image or a truth in memory."""

    grid = Grid(SIDE, SIDE)

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels

    def read(self, window: Window) -> np.ndarray:
        return self._pixels[window.slices()]

    def close(self) -> None: ...


class Image(Held):
    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[override]
        part = super().read(window)
        return part[None].repeat(3, 0), np.ones(part.shape, bool)


class Guess:
    """Says roof and 5 m where a pixel is bright."""

    card = CARD

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        bright = (batch[:, :1] > 100).astype(np.float32)
        return {"cover": np.concatenate([1 - bright, bright], 1), "height": 5 * bright}


def pair(seed: int, **truths: np.ndarray) -> Pair:
    image = np.random.default_rng(seed).choice(np.array([50, 200], np.uint8), (SIDE, SIDE))
    return Pair(str(seed), lambda: Image(image), {name: lambda grid, t=t: Held(t) for name, t in truths.items()})


def pairs() -> list[Pair]:
    rng = np.random.default_rng(9)
    cover = rng.integers(0, 2, (3, SIDE, SIDE)).astype(np.uint8)
    heights = rng.choice(np.array([0, 4.5, 9, np.nan], np.float32), (3, SIDE, SIDE))
    return [pair(0, cover=cover[0], height=heights[0]), pair(1, height=heights[1]), pair(2, cover=cover[2])]


def found(images: list[Pair]) -> Evaluation:
    return evaluate(Guess(), images, boundary=None)


class Two(Team):
    """This process and another one, whose counts come in the order in which they are asked for."""

    def sum(self, counts: Tensor) -> Tensor:
        return counts + next(OTHERS)


OTHERS = iter(())


def test_counts_of_two_processes_score_as_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SCORES.pooled(found(pairs()), ALONE)
    theirs = found(pairs()[1:])
    counts = [torch.from_numpy(theirs["cover"].confusion.counts), torch.from_numpy(theirs["height"].counts.counts)]
    monkeypatch.setattr("tests.training.kinds.pixels.test_scores.OTHERS", iter(counts))
    assert SCORES.pooled(found(pairs()[:1]), Two()) == pytest.approx(whole)
    assert whole["mean"] == pytest.approx((whole["cover/miou"] + whole["height/delta1"]) / 2)
    assert whole["height/neg_rmse"] == -whole["height/rmse"] < 0
    assert set(SCORES.selectable) <= whole.keys()


def test_a_task_without_a_label_has_no_score_and_is_not_told() -> None:
    scores: Mapping[str, float] = SCORES.pooled(found(pairs()[1:2]), ALONE)
    assert not any(name.startswith("cover/") for name in scores)
    assert scores["mean"] == scores["height/delta1"]
    told = SCORES.line(scores)
    assert (
        told.startswith("height RMSE ") and " m delta1 " in told and told.endswith(f"mean {100 * scores['mean']:.2f}")
    )
    assert SCORES.pooled((), ALONE) == {}


def test_one_task_alone_has_no_mean() -> None:
    assert TaskScores([COVER]).selectable == ("cover/miou", "cover/mf1", "cover/oa")
    assert "mean" not in TaskScores([COVER]).pooled(found(pairs()), ALONE)


def test_the_only_task_that_can_be_needs_no_name() -> None:
    plain = TaskScores([COVER], named=False)
    scores = plain.pooled(found(pairs()), ALONE)
    assert plain.selectable == ("miou", "mf1", "oa") and scores.keys() == {*plain.selectable, "iou_land", "iou_roof"}
    assert {f"cover/{name}": value for name, value in scores.items()} == TaskScores([COVER]).pooled(
        found(pairs()), ALONE
    )
    assert plain.line(scores) == "  ".join(
        f"{text} {100 * scores[name]:.2f}" for name, text in (("miou", "mIoU"), ("mf1", "mF1"), ("oa", "OA"))
    )


def test_labels_tell_which_scores_they_cannot_define() -> None:
    low, high = (LabelCounts(np.array(values), 0) for values in ([5, 5, 0], [0, 0, 1]))
    sets, some = (LabelCounts(np.array(pixels), 0, np.array([7])) for pixels in ([0, 0], [1, 0]))
    depth = Task(name="depth", kind="value", quantity="depth", unit="m")
    assert TaskScores([HEIGHT], False).undefined({"height": low}) == {"delta1": "no value of height is at least 1 m"}
    assert TaskScores([depth]).undefined({"depth": low}) == {"depth/delta1": "no value of depth is above 0"}
    assert TaskScores([HEIGHT]).undefined({"height": high}) == {}
    both = TaskScores([COVER, HEIGHT])
    assert both.undefined({"cover": some, "height": high}) == {}
    assert list(both.undefined({"cover": some, "height": low})) == ["height/delta1"]
    assert list(both.undefined({"cover": sets, "height": high})) == ["cover/miou", "cover/mf1", "cover/oa"]
    assert both.undefined({"cover": sets, "height": low})["mean"] == (
        "no label of cover is a single class; no value of height is at least 1 m"
    )
