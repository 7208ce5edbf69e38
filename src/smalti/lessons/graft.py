"""Puts a learned head into a model's graph: an ordinary model file comes out.

Each map gets a convolution of one pixel to the classes, at the map's own size, and is resampled to the logits; their
sum is added to the parent's logits. That costs about a hundredth of the network, and no engine needs anything new.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles
from smalti.card import UNLIKE, Card
from smalti.lessons.anatomy import PREFIX, Anatomy, find_anatomy
from smalti.lessons.classes import ClassPlan
from smalti.lessons.lesson import Lesson
from smalti.runtime.graph import Graph, Node
from smalti.runtime.models import ModelFile, sealed

Constants = dict[str, NDArray[np.float32] | NDArray[np.int64]]


def grafted(parent: ModelFile, lesson: Lesson, sizes: Sequence[int], card: Card, out: Path) -> tuple[bytes, str]:
    """The bytes of a model file with the head of a lesson, and its hash; `sizes` are the channels of its maps."""
    graph = Graph.load(parent.content)
    anatomy = find_anatomy(graph, parent.card)
    plain, constant = lesson.basis.unfolded(lesson.weights)
    parts = np.split(plain.astype(np.float32), np.cumsum(sizes))  # of each map, then of the logits: C,J
    made = _Made(_prefix(graph))
    logits = anatomy.logits
    terms = [
        made.resampled(made.pointwise(name, part), logits) for name, part in zip(anatomy.maps, parts, strict=False)
    ]
    terms.append(made.pointwise(logits, parts[-1], constant))
    terms.append(logits if lesson.plan.same else made.merged(logits, lesson.plan))
    total = made.added(terms)
    content = _inserted(graph, anatomy, made, total).dump()
    return sealed(content, out, card)


def _prefix(graph: Graph) -> str:
    """A beginning of names that the graph does not use: a taught model can be taught again."""
    used = {name for node in graph.nodes for name in node.outputs}
    number = 1
    while any(name.startswith(f"{PREFIX}{number}.") for name in used):
        number += 1
    return f"{PREFIX}{number}."


def _inserted(graph: Graph, anatomy: Anatomy, made: "_Made", total: str) -> Graph:
    """The graph with the new nodes behind the logits; whatever read these reads the taught ones."""
    at = next(k for k, node in enumerate(graph.nodes) if anatomy.logits in node.outputs) + 1
    behind = [node.reading({anatomy.logits: total}) for node in graph.nodes[at:]]
    outputs = [name for name in graph.outputs if name != UNLIKE]
    changed = replace(graph, nodes=(*graph.nodes[:at], *made.nodes, *behind), outputs=tuple(outputs))
    return changed.with_constants(made.constants)


class _Made:
    """New nodes and constants, with names of their own."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.nodes: list[Node] = []
        self.constants: Constants = {}

    def pointwise(self, name: str, weights: NDArray[np.float32], constant: Doubles | None = None) -> str:
        """A convolution of one pixel with weights C,J."""
        inputs = [name, self._constant(np.ascontiguousarray(weights.T[:, :, None, None], np.float32))]
        if constant is not None:
            inputs.append(self._constant(constant.astype(np.float32)))
        return self._node("Conv", inputs)

    def resampled(self, name: str, like: str) -> str:
        """Bilinear, to the height and width of another value, as the exported networks do it."""
        own, size = self._node("Shape", [name], end=2), self._node("Shape", [like], start=2)
        sizes = self._node("Concat", [own, size], axis=0)
        return self._node("Resize", [name, "", "", sizes], mode="linear", coordinate_transformation_mode="half_pixel")

    def merged(self, logits: str, plan: ClassPlan) -> str:
        """As `ClassPlan.offsets` does it."""
        axis = self._constant(np.array([1], np.int64))
        most = self._node("ReduceMax", [logits, axis])
        powers = self._node("Exp", [self._node("Sub", [logits, most])])
        shares = self._node("Div", [powers, self._node("ReduceSum", [powers, axis])])
        return self._node("Log", [self.pointwise(shares, plan.shares.T.astype(np.float32), plan.least)])

    def added(self, names: Sequence[str]) -> str:
        """The sum of several values."""
        total = names[0]
        for name in names[1:]:
            total = self._node("Add", [total, name])
        return total

    def _node(self, op: str, inputs: Sequence[str], **attributes: int | str) -> str:
        name = f"{self._prefix}{op.lower()}_{len(self.nodes)}"
        self.nodes.append(Node.make(op, inputs, name, **attributes))
        return name

    def _constant(self, values: NDArray[np.float32] | NDArray[np.int64]) -> str:
        name = f"{self._prefix}constant_{len(self.constants)}"
        self.constants[name] = values
        return name
