"""The mean over flips and quarter turns, and how many of them a tile gets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from smalti.averaged import Averaged
from smalti.card import Card, Task
from tests.test_scene import Threshold, small_card

SIDE = 100
LAND = np.full((1, 1, SIDE, SIDE), 40, np.uint8)
HEIGHT = Task(name="height", kind="value", unit="m", quantity="height")


@dataclass
class Skewed:
    """Predicts `low` but for the first rows of whatever it sees, as many as it is told for that view."""

    rows: Sequence[int]
    card: Card = field(default_factory=small_card)
    views: list[bytes] = field(default_factory=list)

    def __call__(self, batch: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        cover = np.zeros((len(batch), 3, *batch.shape[2:]), np.float32)
        cover[:, 0] = 1
        cover[:, :, : self.rows[len(self.views)]] = np.array([0, 0, 1])[:, None, None]
        self.views.append(np.ascontiguousarray(batch).tobytes())
        return {"cover": cover}


@dataclass
class Tall:
    """Predicts one height for each view, the next one for the next view, on a slope if there is one."""

    heights: Sequence[float]
    task: Task = HEIGHT
    slope: float = 0.0
    views: int = 0

    @property
    def card(self) -> Card:
        return small_card().model_copy(update={"tasks": (self.task,)})

    def __call__(self, batch: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        found = self.heights[self.views] + self.slope * batch.astype(np.float32)
        self.views += 1
        return {self.task.name: found}


def test_it_sees_all_eight_symmetries_and_turns_answers_back() -> None:
    views: list[bytes] = []

    class Corner(Threshold):
        def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
            views.append(np.ascontiguousarray(batch).tobytes())
            answers = super().__call__(batch)
            answers["cover"][:, 0, 0, 0] += 8  # an answer that is wrong in one corner of whatever it sees
            return answers

    batch = np.random.default_rng(0).integers(0, 256, (1, 1, 16, 16), np.uint8)
    averaged = Averaged(Corner(), fewest=8)(batch)["cover"]
    assert len(set(views)) == 8
    difference = averaged - Threshold()(batch)["cover"]
    corners = np.zeros((16, 16))
    corners[::15, ::15] = 2  # each corner comes first in two of the eight views
    np.testing.assert_allclose(difference[0, 0], corners, atol=1e-5)
    np.testing.assert_allclose(difference[0, 1:], 0, atol=1e-6)


def test_it_keeps_rectangles_and_the_card() -> None:
    averaged = Averaged(Threshold())
    assert averaged.card == small_card()
    assert averaged(np.zeros((2, 1, 4, 9), np.uint8))["cover"].shape == (2, 3, 4, 9)


@pytest.mark.parametrize(
    ("rows", "views"),
    [
        ([0] * 8, 2),
        ([2, 1] + [0] * 6, 2),  # 2.96 % of the pixels
        ([2, 2] + [0] * 6, 4),
        ([30, 30, 30, 30] + [0] * 4, 8),
        ([0, 4, 0, 4] + [0] * 4, 4),  # each half of four views is sure where one of its two is not
        ([0, 0, 20, 20] + [0] * 4, 2),
    ],
)
def test_a_tile_whose_views_agree_is_done(rows: list[int], views: int) -> None:
    net = Skewed(rows)
    mean = Averaged(net)(LAND)["cover"]
    assert len(net.views) == views
    np.testing.assert_allclose(mean.sum(1), 1, atol=1e-6)
    everything = Skewed(rows)
    Averaged(everything, fewest=8)(LAND)
    assert len(everything.views) == 8


def test_the_first_views_are_the_turns() -> None:
    net, image = Skewed([30] * 8), np.random.default_rng(0).integers(0, 256, (1, 1, SIDE, SIDE), np.uint8)
    Averaged(net)(image)
    expected = [np.ascontiguousarray(np.rot90(image, turns, axes=(2, 3))).tobytes() for turns in range(4)]
    assert net.views[:4] == expected


@pytest.mark.parametrize(
    ("heights", "views", "more"),
    [
        ([5.0, 5.2] + [0.0] * 6, 2, {}),  # flat: differences of up to a quarter of a metre do not count
        ([5.0, 5.3, 5.1, 5.2] + [0.0] * 4, 4, {}),
        ([5.0, 5.3, 6.1, 6.2] + [0.0] * 4, 8, {}),
        (
            [5.0, 5.3] + [0.0] * 6,
            2,
            {"slope": 0.05},
        ),  # differences of a quarter of the tile's own spread do not, either
        ([50.0, 70.0] + [0.0] * 6, 2, {"task": HEIGHT.model_copy(update={"unit": "cm"})}),
        ([5.0, 5.2, 5.1, 5.1] + [0.0] * 4, 4, {"task": Task(name="depth", kind="value", unit="m", quantity="depth")}),
    ],
)
def test_values_agree_by_their_spread(heights: list[float], views: int, more: dict[str, Any]) -> None:
    net = Tall(heights, **more)
    image = np.tile(np.arange(SIDE, dtype=np.uint8), (1, 1, SIDE, 1)) if "slope" in more else LAND
    found = Averaged(net)(image)
    assert net.views == views
    expected = np.mean(heights[:views]) + net.slope * image.astype(np.float32)
    np.testing.assert_allclose(found[net.task.name], expected, rtol=1e-5)


def test_one_task_that_is_unsure_is_enough() -> None:
    @dataclass
    class Both:
        cover: Skewed
        tall: Tall

        @property
        def card(self) -> Card:
            tasks = (*self.cover.card.tasks, HEIGHT, Task(name="age", kind="image_value"))
            return self.cover.card.model_copy(update={"tasks": tasks})

        def __call__(self, batch: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
            age = np.full(
                (len(batch), 1), 10.0 * self.tall.views, np.float32
            )  # of the whole image: no map depends on it
            return self.cover(batch) | self.tall(batch) | {"age": age}

    for rows, heights, views in (([0] * 8, [1.0] * 8, 2), ([30] * 8, [1.0] * 8, 8), ([0] * 8, [1.0, 9.0] * 4, 4)):
        net = Both(Skewed(rows), Tall(heights))
        found = Averaged(net)(LAND)
        assert net.tall.views == views
        assert found["age"][0, 0] == pytest.approx(10 * (views - 1) / 2)


def test_an_image_has_the_same_views_in_any_batch() -> None:
    class Seen(Threshold):
        """Tells bright images apart from their mirror images, dark ones hardly."""

        def __call__(self, batch: np.ndarray[Any, Any]) -> Any:
            self.calls += len(batch)
            left = np.roll(batch, 1, axis=3)[:, 0].astype(np.float32)
            bright = ((batch[:, 0] + left) / 2 > 100).astype(np.float32)
            return {"cover": np.stack([1 - bright, bright, 0 * bright], 1)}

    random = np.random.default_rng(0)
    images = [random.integers(0, high, (1, 1, 32, 32), np.uint8) for high in (90, 256, 110)]
    alone, together = Seen(), Seen()
    expected = [Averaged(alone)(image)["cover"] for image in images]
    found = Averaged(together)(np.concatenate(images))["cover"]
    np.testing.assert_array_equal(found, np.concatenate(expected))
    assert alone.calls == together.calls == 2 + 8 + 2
