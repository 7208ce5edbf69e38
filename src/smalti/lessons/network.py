"""A model that also gives its features, at cells of the logits' own size.

They are the maps that its logits are computed from, and a map of the image's colours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles, Floats, Pixels
from smalti.errors import ModelError
from smalti.lessons.anatomy import Anatomy, find_anatomy
from smalti.lessons.colours import colour_map
from smalti.lessons.made import Made
from smalti.runtime.batch import network_input
from smalti.runtime.graph import Graph
from smalti.runtime.models import ModelFile

Cells = NDArray[np.int32]
"""Rows and columns of cells, N,2."""


@dataclass(frozen=True, eq=False)
class Maps:
    """What the network computes of one tile."""

    logits: Floats
    """K,h,w."""
    maps: tuple[Floats, ...]
    """Each C,h,w, with its own height and width."""

    def features(self, cells: Cells) -> Floats:
        """The features N,F at cells of the logits, bilinear as in the graph."""
        size = self.logits.shape[1:]
        return np.concatenate([_sampled(each, cells, size) for each in self.maps], axis=1)

    def logits_at(self, cells: Cells) -> Floats:
        """The model's logits N,K at cells."""
        found: Floats = self.logits[:, cells[:, 0], cells[:, 1]].T
        return found


def _sampled(values: Floats, cells: Cells, size: tuple[int, ...]) -> Floats:
    """A map C,h,w at cells of a grid of `size` over the same ground: N,C."""
    (r0, r1, r), (c0, c1, c) = (_between(cells[:, at], values.shape[at + 1], size[at]) for at in (0, 1))
    top = values[:, r0, c0] * (1 - c) + values[:, r0, c1] * c  # C,N
    low = values[:, r1, c0] * (1 - c) + values[:, r1, c1] * c
    return np.asarray((top * (1 - r) + low * r).T, np.float32)


def _between(at: NDArray[np.int32], own: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """The two rows (or columns) of a map around cells, and the share of the second one."""
    place: Doubles = np.clip((at + 0.5) * (own / size) - 0.5, 0, own - 1)
    first = np.floor(place).astype(np.intp)
    return first, np.minimum(first + 1, own - 1), (place - first).astype(np.float32)


class TeachableNetwork:
    """Runs a model file with ONNX Runtime, and gives its logits and maps."""

    def __init__(self, model: ModelFile, threads: int | None = None) -> None:
        """ModelError for a graph that cannot be taught."""
        # here: a server in which nobody teaches does not load the engine
        from smalti.runtime.onnx import exact_here, start

        self.model, self.card = model, model.card
        graph = _graph(exact_here(model))
        self.anatomy: Anatomy = find_anatomy(graph, self.card)
        made = Made(graph)
        self._names = [self.anatomy.logits, *self.anatomy.maps, colour_map(made, graph.inputs()[0], self.card)]
        content = graph.with_nodes(made.nodes).with_constants(made.constants).with_outputs(self._names).dump()
        self._session = start(content, model.path, threads)
        self._input = self._session.get_inputs()[0].name
        side = self.card.stride * 2
        tried = self(np.zeros((len(self.card.bands), side, side), np.float32))
        self.step = side // tried.logits.shape[1]
        """Pixels per cell, in both directions."""
        self.sizes = tuple(len(each) for each in tried.maps)
        """Channels of each map; the last one is that of colours."""

    def __call__(self, image: Pixels) -> Maps:
        """Raw pixels C,H,W of a tile whose sides are multiples of the card's stride."""
        found = self._session.run(self._names, {self._input: network_input(image[None], self.card)})
        return Maps(found[0][0], tuple(each[0] for each in found[1:]))


def _graph(model: ModelFile) -> Graph:
    try:
        return Graph.load(model.content)
    except ValueError as error:
        raise ModelError(f"{model.path}: its graph cannot be read ({error}); export it again") from None
