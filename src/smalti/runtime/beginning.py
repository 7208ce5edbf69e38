"""How bytes enter a graph, of a model whose pixels are bytes.

They are always finite, so that nothing needs to be put in place of what is not. Where the graph is in integers, and
normalising and rounding give each byte itself again, they are its first integers as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Card
from smalti.runtime.graph import UINT8, Graph, Node

_GUARD = ("Abs", "Less", "Where")
"""Puts zeros in place of pixels that are not finite."""


@dataclass(frozen=True)
class Beginning:
    """A graph that takes bytes only."""

    graph: Graph
    exact: bool
    """Whether it takes them as bytes, and not as float32."""


def find_beginning(graph: Graph, card: Card) -> Beginning | None:
    """The same graph for bytes alone; None for other models, and for graphs that do not begin as exported ones do."""
    inputs = graph.inputs()
    if card.dtype != "uint8" or len(inputs) != 1:
        return None
    chain = _chain(graph, inputs[0])
    if chain is None:
        return None
    shift, guarded = chain[1].outputs[0], chain[-1].outputs[0]
    rounded = graph.consumers(guarded)
    if [node.op for node in rounded] == ["QuantizeLinear"] and _keeps_bytes(graph, chain[:2], rounded[0]):
        whole = graph.reading({rounded[0].outputs[0]: inputs[0]}).only(graph.outputs)
        return Beginning(whole.taking(inputs[0], UINT8), exact=True)
    return Beginning(graph.reading({guarded: shift}).only(graph.outputs), exact=False)


def byte_range(graph: Graph) -> tuple[str, float, float] | None:
    """The name of the normalised pixels, and the lowest and the highest that bytes give; None as `find_beginning`."""
    inputs = graph.inputs()
    chain = _chain(graph, inputs[0]) if len(inputs) == 1 else None
    if chain is None:
        return None
    factor, shift = (graph.array(node.inputs[1]) for node in chain[:2])
    if factor is None or shift is None:
        return None
    ends = factor.reshape(-1, 1) * np.array([0, 255], np.float32) - shift.reshape(-1, 1)
    return chain[-1].outputs[0], float(ends.min()), float(ends.max())


def _chain(graph: Graph, image: str) -> tuple[Node, ...] | None:
    """Factor, shift and guard, which alone read the pixels."""
    factor = _only(graph, image, "Mul")
    shift = factor and _only(graph, factor.outputs[0], "Sub")
    if factor is None or shift is None or factor.inputs[0] != image or shift.inputs[0] != factor.outputs[0]:
        return None
    readers = graph.consumers(shift.outputs[0])
    if [node.op for node in readers] != ["Abs", "Where"]:
        return None
    compared = _only(graph, readers[0].outputs[0], "Less")
    chosen = compared and _only(graph, compared.outputs[0], "Where")
    if compared is None or chosen is not readers[1] or chosen.inputs[:2] != (compared.outputs[0], shift.outputs[0]):
        return None
    return factor, shift, readers[0], compared, chosen


def _only(graph: Graph, name: str, op: str) -> Node | None:
    """The one node that reads the numbers of a value; None if that is not of this kind, or there are others."""
    readers = [node for node in graph.consumers(name) if node.op != "Shape"]
    return readers[0] if [node.op for node in readers] == [op] else None


def _keeps_bytes(graph: Graph, steps: Sequence[Node], rounded: Node) -> bool:
    """Whether each byte of each band comes out as itself, computed in float32 as engines do."""
    numbers = [graph.array(name) for node in (*steps, rounded) for name in node.inputs[1:]]
    if len(numbers) != 4 or any(each is None for each in numbers):
        return False
    factor, shift, scale, zero = (each for each in numbers if each is not None)
    if zero.dtype != np.uint8 or scale.size != 1 or {factor.dtype, shift.dtype} != {np.dtype(np.float32)}:
        return False
    values = np.arange(256, dtype=np.float32)
    found: NDArray[Any] = np.rint((factor.reshape(-1, 1) * values - shift.reshape(-1, 1)) / scale.reshape(-1)[0])
    return bool((np.clip(found + zero.astype(np.float32).reshape(-1)[0], 0, 255) == values).all())
