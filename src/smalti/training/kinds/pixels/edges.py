"""Edges as a task of their own: its ground truth is where the classes of another task meet, made of its labels."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smalti.card import Card, Task
from smalti.evaluation import Pair
from smalti.evaluation.pairs import OpenTruth, TruthReader
from smalti.losses import Labels, edge_labels
from smalti.losses.boundary import EDGE_WIDTH
from smalti.raster.grid import Grid
from smalti.tiling import Window

LABELS = ("no edge", "edge")
MARGIN = EDGE_WIDTH // 2 + 1
"""Pixels around a window that the edges in it depend on."""


def edges_of(classes: Tensor, task: Task) -> Tensor:
    """Ids of `LABELS`, N,H,W int64, of a task's labels N,H,W.

    `ignore` stays, and is also where sets of classes leave it open whether there is an edge.
    """
    edges, known = edge_labels(Labels.of(classes, torch.ones_like(classes, dtype=torch.bool), task))
    return torch.where(known, edges.long(), task.ignore)


@dataclass(frozen=True)
class EdgeReader:
    """Edges, computed from a reader of classes on the fly."""

    classes: TruthReader
    task: Task
    """Of the classes."""

    def read(self, window: Window) -> NDArray[Any]:
        """Ids of `LABELS` (H, W), the same in any window."""
        side = 2 * MARGIN
        around = Window(window.row - MARGIN, window.col - MARGIN, window.height + side, window.width + side)
        ids = torch.from_numpy(self.classes.read(around).astype(np.int64))
        found = edges_of(ids[None], self.task)[0, MARGIN:-MARGIN, MARGIN:-MARGIN]
        return found.numpy().astype(np.uint8)

    def close(self) -> None:
        """Closes the reader of classes."""
        self.classes.close()


def with_edges(pair: Pair, edges: Mapping[str, str], card: Card) -> Pair:
    """The pair with ground truth for tasks of edges, each from its task of classes, where that is labelled."""
    made = {
        name: _opener(pair.truth[of], pair.labelled(card.task(of))) for name, of in edges.items() if of in pair.truth
    }
    return replace(pair, truth={**pair.truth, **made})


def _opener(open_classes: OpenTruth, task: Task) -> OpenTruth:
    def open_edges(grid: Grid) -> EdgeReader:
        return EdgeReader(open_classes(grid), task)

    return open_edges
