"""Where a model can be taught: the logits of its first task of classes, and the maps that they are computed from.

Both are found in the graph itself, so every exported model can be taught, whatever its network and its version. The
maps are those at the joints of the network: what is concatenated, what is resampled, and what the last convolution
reads. A linear function of a map commutes with bilinear resampling, so each is used at its own resolution.
"""

from dataclasses import dataclass

from smalti.card import Card
from smalti.errors import ModelError
from smalti.lessons.made import PREFIX
from smalti.runtime.graph import Graph, Node

_TAIL = ("Mul", "Exp", "Sub")
"""How exported models end: exp(logits - maximum) times the reciprocal of its sum."""
_MEND = "teach the model that it was shrunk or converted from, or one of smalti models"


@dataclass(frozen=True)
class Anatomy:
    """Names of values in a model's graph."""

    task: str
    logits: str
    """N,K,h,w, before they are resampled to the image."""
    maps: tuple[str, ...]
    """Each N,C,h,w with its own size."""


def find_anatomy(graph: Graph, card: Card) -> Anatomy:
    """ModelError for a graph whose head or whose maps are not found."""
    task = card.class_task().name
    logits = _before_softmax(graph, task)
    while (node := graph.producer(logits or "")) is not None and node.op in ("Resize", "Slice"):
        logits = node.inputs[0]
    if logits is None or graph.producer(logits) is None:
        raise ModelError(f"model {card.name}: its graph does not end as exported models do; {_MEND}")
    maps = _joints(graph, logits)
    if not maps:
        raise ModelError(f"model {card.name}: its graph has no maps to learn from; {_MEND}")
    return Anatomy(task, logits, maps)


def _before_softmax(graph: Graph, name: str) -> str | None:
    """The logits of probabilities, which `smalti shrink` may have put before the last upsampling."""
    if (last := graph.producer(name)) is not None and last.op == "Resize":
        name = last.inputs[0]
    for op in _TAIL:
        node = graph.producer(name)
        if node is None or node.op not in (op, "Softmax"):
            return None
        name = node.inputs[0]
        if node.op == "Softmax":
            break
    return name


def _joints(graph: Graph, logits: str) -> tuple[str, ...]:
    """The maps, from the first to the last."""
    computed = [node for node in graph.ancestors(logits) if not node.outputs[0].startswith(PREFIX)]
    head = next((node for node in reversed(computed) if node.op == "Conv"), None)
    wanted = {head.inputs[0]} if head is not None else set()
    for node in computed:
        if node.op == "Concat" and len(node.inputs) > 1 and _is_maps(graph, node):
            wanted.update(node.inputs)
        elif node.op == "Resize":
            wanted.add(node.inputs[0])
    order = [name for node in computed for name in node.outputs]
    own = set(head.outputs) if head is not None else set()
    return tuple(sorted(wanted.intersection(order) - {logits} - own, key=order.index))


_OF_MAPS = {
    "Conv", "Relu", "Clip", "Add", "Mul", "Resize", "Concat", "HardSwish", "Sigmoid", "BatchNormalization",
    "DequantizeLinear",
}  # fmt: skip


def _is_maps(graph: Graph, node: Node) -> bool:
    """Whether maps are concatenated, and not sizes."""
    axis = node.attribute("axis")
    makers = [graph.producer(name) for name in node.inputs]
    return (3, 1) in (axis or []) and all(maker is not None and maker.op in _OF_MAPS for maker in makers)
