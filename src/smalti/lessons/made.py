"""New nodes and constants of a graph, with names that nothing else in it has."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles
from smalti.lessons.classes import ClassPlan
from smalti.runtime.graph import Graph, Node

PREFIX = "taught"
"""How the names of values begin that teaching adds: a taught model is taught again with the same maps."""
Constants = dict[str, NDArray[np.float32] | NDArray[np.int64]]


class Made:
    """What is added to a graph."""

    def __init__(self, graph: Graph) -> None:
        self._prefix = _prefix(graph)
        self.nodes: list[Node] = []
        self.constants: Constants = {}

    def pointwise(self, name: str, weights: NDArray[np.float32], constant: Doubles | None = None) -> str:
        """A convolution of one pixel with weights C,J."""
        inputs = [name, self.constant(np.ascontiguousarray(weights.T[:, :, None, None], np.float32))]
        if constant is not None:
            inputs.append(self.constant(constant.astype(np.float32)))
        return self.node("Conv", inputs)

    def resampled(self, name: str, like: str) -> str:
        """Bilinear, to the height and width of another value, as the exported networks do it."""
        own, size = self.node("Shape", [name], end=2), self.node("Shape", [like], start=2)
        sizes = self.node("Concat", [own, size], axis=0)
        return self.node("Resize", [name, "", "", sizes], mode="linear", coordinate_transformation_mode="half_pixel")

    def merged(self, logits: str, plan: ClassPlan) -> str:
        """As `ClassPlan.offsets` does it."""
        axis = self.constant(np.array([1], np.int64))
        most = self.node("ReduceMax", [logits, axis])
        powers = self.node("Exp", [self.node("Sub", [logits, most])])
        shares = self.node("Div", [powers, self.node("ReduceSum", [powers, axis])])
        return self.node("Log", [self.pointwise(shares, plan.shares.T.astype(np.float32), plan.least)])

    def scaled(self, name: str, factors: Doubles) -> str:
        """Values N,J,h,w times a factor J."""
        return self.node("Mul", [name, self.constant(factors.astype(np.float32)[None, :, None, None])])

    def added(self, names: Sequence[str]) -> str:
        """The sum of several values."""
        total = names[0]
        for name in names[1:]:
            total = self.node("Add", [total, name])
        return total

    def node(self, op: str, inputs: Sequence[str], **attributes: int | str | Sequence[int]) -> str:
        """A step with one output, whose name is returned."""
        name = f"{self._prefix}{op.lower()}_{len(self.nodes)}"
        self.nodes.append(Node.make(op, inputs, name, **attributes))
        return name

    def constant(self, values: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """The name of an array."""
        name = f"{self._prefix}constant_{len(self.constants)}"
        self.constants[name] = values
        return name


def _prefix(graph: Graph) -> str:
    """A beginning of names that the graph does not use: a taught model can be taught again."""
    used = {name for node in graph.nodes for name in node.outputs}
    number = 1
    while any(name.startswith(f"{PREFIX}{number}.") for name in used):
        number += 1
    return f"{PREFIX}{number}."
