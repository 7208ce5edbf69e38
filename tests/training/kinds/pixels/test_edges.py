import numpy as np
import torch

from smalti.card import Card, Task
from smalti.evaluation import Pair
from smalti.label_sets import set_ids, with_sets
from smalti.raster.grid import Grid
from smalti.tiling import Window
from smalti.training.kinds.pixels.edges import EdgeReader, edges_of, with_edges

TASK = Task(name="cover", labels=("a", "b", "c"))


class Labels:
    """Class ids held in memory, `ignore` beyond the border."""

    def __init__(self, ids: np.ndarray) -> None:
        self._ids = np.pad(ids, 50, constant_values=255)
        self.closed = False

    def read(self, window: Window) -> np.ndarray:
        return self._ids[window.shift(50, 50).slices()]

    def close(self) -> None:
        self.closed = True


def blocks() -> np.ndarray:
    ids = np.random.default_rng(0).integers(0, 3, (4, 5)).repeat(9, 0).repeat(9, 1).astype(np.uint8)
    ids[10:14, 20:30] = 255
    return ids


def test_edges_are_five_pixels_wide_between_classes_and_nowhere_at_what_is_ignored() -> None:
    ids = np.zeros((1, 9, 20), np.int64)
    ids[:, :, 10:] = 1
    found = edges_of(torch.from_numpy(ids), TASK)
    assert found[0, 4].tolist() == [0] * 7 + [1] * 5 + [0] * 8
    ids[:, :, 10:12] = 255
    assert edges_of(torch.from_numpy(ids), TASK)[0, 4].tolist() == [0] * 10 + [255] * 2 + [0] * 8


def test_edges_are_known_where_sets_of_classes_decide_them() -> None:
    task = with_sets(TASK, [(1, 2)])
    [not_a] = set_ids(task)
    ids = torch.full((1, 3, 30), not_a)
    ids[:, :, :10] = 0  # class a, then ten pixels of "b or c", then b
    ids[:, :, 20:] = 1
    assert edges_of(ids, task)[0, 1].tolist() == [0] * 7 + [1] * 5 + [255] * 10 + [0] * 8
    assert edges_of(torch.full((1, 3, 9), not_a), task).unique().tolist() == [255]


def test_edges_are_the_same_in_any_window() -> None:
    ids = blocks()
    whole = edges_of(torch.from_numpy(ids[None].astype(np.int64)), TASK)[0].numpy()
    reader = EdgeReader(Labels(ids), TASK)
    assert {0, 1, 255} <= set(np.unique(whole))
    for window in (Window(0, 0, 36, 45), Window(7, 9, 11, 20), Window(30, 40, 6, 5)):
        assert np.array_equal(reader.read(window), whole[window.slices()])
    assert (reader.read(Window(40, 50, 3, 3)) == 255).all()


def test_pairs_get_edges_where_the_classes_are_labelled() -> None:
    labels = Labels(blocks())
    card = Card(name="t", net="multitask", tasks=(TASK, Task(name="lines", labels=("no", "edge"))))
    pair = with_edges(Pair("p", lambda: None, {"cover": lambda grid: labels}), {"lines": "cover"}, card)
    reader = pair.truth["lines"](Grid(36, 45))
    assert set(np.unique(reader.read(Window(0, 0, 36, 45)))) == {0, 1, 255}
    reader.close()
    assert labels.closed
    assert list(with_edges(Pair("p", lambda: None, {}), {"lines": "cover"}, card).truth) == []
