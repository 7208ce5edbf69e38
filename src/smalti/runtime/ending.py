"""The last upsampling of a graph, taken off its end: of probabilities, so that all behind it is linear.

`smalti shrink` writes graphs that end so: softmax, bilinear upsampling to the size of the image, output. The graph
before it and a graph of the upsampling alone give together what the whole one gives, to the last bit.
"""

from dataclasses import dataclass

from smalti.card import Card
from smalti.runtime.graph import FLOAT, INT64, Graph, Node, value_info
from smalti.runtime.protobuf import Fields

_SIZES = 3
"""Which input of a Resize is the size of its output."""
_TEXTS = {
    "mode": {"linear"},
    "coordinate_transformation_mode": {"half_pixel", "pytorch_half_pixel"},
    "keep_aspect_ratio_policy": {"stretch"},
}
"""Attributes of a Resize that interpolates as `smalti.enlarge` does."""
_DEFAULTS = {"mode": "nearest", "coordinate_transformation_mode": "half_pixel", "keep_aspect_ratio_policy": "stretch"}
_ZEROS = ("antialias", "exclude_outside")
_NONE = "axes"


@dataclass(frozen=True)
class Ending:
    """A graph in two parts."""

    before: Graph
    """Its outputs are those of the whole graph, besides `small` in place of the tasks."""
    small: dict[str, str]
    """For each task the name of its probabilities before they are upsampled."""
    enlarging: Graph
    """Takes the small probabilities of each task and, named by `size_of`, the four sizes of its output."""


def size_of(task: str) -> str:
    """The input of `Ending.enlarging` for the sizes of a task's output."""
    return f"{task}_size"


def find_ending(graph: Graph, card: Card) -> Ending | None:
    """The parts of a graph; None where one of its maps does not end with an upsampling of probabilities."""
    makers = {task.name: graph.producer(task.name) for task in card.tasks}
    lasts = {name: node for name, node in makers.items() if node is not None and _enlarges(node)}
    if any(task.kind != "classes" for task in card.tasks) or lasts.keys() != makers.keys():
        return None
    small = {name: node.inputs[0] for name, node in lasts.items()}
    if len(set(small.values())) < len(small):
        return None
    before = graph.only([*small.values(), *(name for name in card.outputs if name not in small)])
    return Ending(before, small, _enlarging(graph, lasts))


def _enlarges(node: Node) -> bool:
    """Whether a node upsamples to a given size, bilinearly, pixels being areas."""
    if node.op != "Resize" or len(node.inputs) <= _SIZES or node.inputs[1:_SIZES] != ("", ""):
        return False
    texts = all(_text(node, name) in known for name, known in _TEXTS.items())
    return texts and not any(_number(node, name) for name in _ZEROS) and node.attribute(_NONE) is None


def _text(node: Node, name: str) -> str:
    found = node.attribute(name) or []
    return next((bytes(value).decode() for at, value in found if at == 4), _DEFAULTS[name])


def _number(node: Node, name: str) -> int:
    return next((int(value) for at, value in node.attribute(name) or [] if at == 3), 0)


_VERSION, _OPSETS = 1, 8
"""Fields of a ModelProto."""


def _enlarging(graph: Graph, lasts: dict[str, Node]) -> Graph:
    nodes = tuple(
        Node(node.op, (*node.inputs[:_SIZES], size_of(name)), (name,), node.rest) for name, node in lasts.items()
    )
    inputs = [given for name, node in lasts.items() for given in ((node.inputs[0], FLOAT), (size_of(name), INT64))]
    others: Fields = [(2, b"enlarging"), *((11, value_info(name, kind)) for name, kind in inputs)]
    model = [field for field in graph.model if field[0] in (_VERSION, _OPSETS)]
    return Graph(nodes, tuple(lasts), others, model)
