"""The graph inside an ONNX file, read and changed without the `onnx` package: nodes, constants and outputs."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smalti.runtime.protobuf import Fields, Value, build, parse, texts, varints

_GRAPH = 7
"""Number of the graph in a ModelProto; below those in a GraphProto, a NodeProto, and an AttributeProto."""
_NODE, _CONSTANT, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13
_IN, _OUT, _NAME, _OP, _ATTRIBUTE = 1, 2, 3, 4, 5
FLOAT, UINT8, INT8, INT32, INT64 = 1, 2, 3, 6, 7
"""Types of numbers in a TensorProto."""
_DTYPES = {FLOAT: "<f4", UINT8: "u1", INT8: "i1", INT32: "<i4", INT64: "<i8"}
_KIND_OF = {np.dtype(dtype): kind for kind, dtype in _DTYPES.items()}
_DIMS, _KIND, _FLOATS, _INTS, _RAW = 1, 2, 4, 5, 9
"""Fields of a TensorProto: its shape, its type, and where its numbers may lie."""
_KINDS = {"int": 2, "text": 3, "ints": 7}
"""Types of an AttributeProto."""


@dataclass(frozen=True)
class Node:
    """A step of the graph."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rest: Fields
    """Its other fields, such as its attributes."""

    @classmethod
    def make(cls, op: str, inputs: Sequence[str], output: str, **attributes: int | str | Sequence[int]) -> Self:
        """A node with one output, named like it."""
        rest: Fields = [(_NAME, output.encode())]
        rest += [(_ATTRIBUTE, _attribute(name, value)) for name, value in attributes.items()]
        return cls(op, tuple(inputs), (output,), rest)

    def attribute(self, name: str) -> Fields | None:
        """The fields of an attribute; None if it is not stated."""
        for number, value in self.rest:
            if number == _ATTRIBUTE and texts(found := parse(bytes(value)), 1) == [name]:
                return found
        return None

    def reading(self, names: dict[str, str]) -> "Node":
        """The same with other inputs."""
        return replace(self, inputs=tuple(names.get(name, name) for name in self.inputs))

    def fields(self) -> Fields:
        """As a NodeProto."""
        own: Fields = [(_IN, name.encode()) for name in self.inputs]
        own += [(_OUT, name.encode()) for name in self.outputs]
        return [*own, *self.rest, (_OP, self.op.encode())]


@dataclass(frozen=True)
class Graph:
    """A model's graph, and all else in its file."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    others: Fields
    """Of the graph: constants, inputs, names; and values of which the file states the shape are left out, since they
    do not hold once the graph is changed."""
    model: Fields
    """Of the file, without the graph."""

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Reads an ONNX file; ValueError for other bytes."""
        model = parse(content)
        graph = _fields(model)
        nodes = tuple(_node(_bytes(value)) for number, value in graph if number == _NODE)
        outputs = tuple(texts(parse(_bytes(value)), 1)[0] for number, value in graph if number == _OUTPUT)
        kept = [field for field in graph if field[0] not in (_NODE, _OUTPUT, _VALUE_INFO)]
        return cls(nodes, outputs, kept, [field for field in model if field[0] != _GRAPH])

    def dump(self, like: bytes | None = None) -> bytes:
        """The bytes of an ONNX file; types and shapes of its outputs are those in the file `like`, or not stated."""
        fields: Fields = [(_NODE, build(node.fields())) for node in self.nodes]
        outputs: Fields = [(_OUTPUT, build([(1, name.encode())])) for name in self.outputs]
        if like is not None:
            outputs = [field for field in _fields(parse(like)) if field[0] == _OUTPUT]
        return build([*self.model, (_GRAPH, build([*fields, *self.others, *outputs]))])

    def constants(self) -> frozenset[str]:
        """Names of all constants."""
        found = (texts(parse(_bytes(value)), 8) for number, value in self.others if number == _CONSTANT)
        return frozenset(name for names in found for name in names)

    def array(self, name: str) -> NDArray[Any] | None:
        """The numbers of a constant, float32, uint8, int8, int32 or int64; None where there is none such."""
        return self.arrays([name]).get(name)

    def arrays(self, names: Collection[str]) -> dict[str, NDArray[Any]]:
        """The numbers of constants, as `array`, by name; those that there are."""
        found = ((name, _array(fields)) for name, fields in self._tensors() if name in names)
        return {name: array for name, array in found if array is not None}

    def inputs(self) -> list[str]:
        """Names of the values that are fed in."""
        given = [texts(parse(_bytes(value)), 1)[0] for number, value in self.others if number == _INPUT]
        constants = self.constants()
        return [name for name in given if name not in constants]

    def producer(self, name: str) -> Node | None:
        """The node that computes a value; None of inputs and constants."""
        return next((node for node in self.nodes if name in node.outputs), None)

    def consumers(self, name: str) -> list[Node]:
        """The nodes that read a value."""
        return [node for node in self.nodes if name in node.inputs]

    def ancestors(self, name: str) -> list[Node]:
        """All nodes that a value is computed from, in their order."""
        wanted = {name}
        found = []
        for node in reversed(self.nodes):
            if wanted.intersection(node.outputs):
                found.append(node)
                wanted.update(node.inputs)
        return found[::-1]

    def with_outputs(self, names: Sequence[str]) -> "Graph":
        """The same with other outputs."""
        return replace(self, outputs=tuple(names))

    def only(self, names: Sequence[str]) -> "Graph":
        """The same with other outputs, and without the nodes that none of them needs."""
        needed = {id(node) for each in names for node in self.ancestors(each)}
        return replace(self, nodes=tuple(node for node in self.nodes if id(node) in needed), outputs=tuple(names))

    def reading(self, names: dict[str, str]) -> "Graph":
        """The same with values read in place of others."""
        return replace(self, nodes=tuple(node.reading(names) for node in self.nodes))

    def taking(self, name: str, kind: int) -> "Graph":
        """The same with an input of numbers of another type."""
        others: Fields = [
            (number, _of_kind(value, kind) if number == _INPUT and texts(parse(_bytes(value)), 1) == [name] else value)
            for number, value in self.others
        ]
        return replace(self, others=others)

    def without(self, name: str) -> "Graph":
        """The same without an output, and without the nodes that only this output needs."""
        outputs = tuple(each for each in self.outputs if each != name)
        needed = [node for each in outputs for node in self.ancestors(each)]
        dropped = [node for node in self.ancestors(name) if node not in needed] if name in self.outputs else []
        return replace(self, nodes=tuple(node for node in self.nodes if node not in dropped), outputs=outputs)

    def with_nodes(self, nodes: Sequence[Node]) -> "Graph":
        """The same with further nodes at its end."""
        return replace(self, nodes=(*self.nodes, *nodes))

    def without_nodes(self, nodes: Collection[Node]) -> "Graph":
        """The same without some nodes, whose outputs others give it."""
        return replace(self, nodes=tuple(node for node in self.nodes if node not in nodes))

    def without_constants(self, names: Collection[str]) -> "Graph":
        """The same without some constants."""
        gone = {name for name, _ in self._tensors() if name in names}
        kept = [
            (number, value)
            for number, value in self.others
            if number != _CONSTANT or not gone.intersection(texts(parse(_bytes(value)), 8))
        ]
        return replace(self, others=kept)

    def _tensors(self) -> Iterator[tuple[str, Fields]]:
        """The name and the fields of each constant."""
        for number, value in self.others:
            if number == _CONSTANT:
                fields = parse(_bytes(value))
                yield "".join(texts(fields, 8)), fields

    def with_constants(self, arrays: dict[str, NDArray[Any]]) -> "Graph":
        """The same with further constants, of the types of `array`."""
        return replace(self, others=[*self.others, *((_CONSTANT, _tensor(n, array)) for n, array in arrays.items())])


def value_info(name: str, kind: int) -> bytes:
    """A ValueInfoProto of a tensor of any shape."""
    return build([(1, name.encode()), (2, build([(1, build([(1, kind)]))]))])


def _of_kind(info: Value, kind: int) -> bytes:
    """A ValueInfoProto of a tensor with numbers of another type."""
    fields = dict(parse(_bytes(info)))
    type_ = dict(parse(_bytes(fields[2])))
    tensor = dict(parse(_bytes(type_[1]))) | {1: kind}
    return build((fields | {2: build((type_ | {1: build(tensor.items())}).items())}).items())


def _array(tensor: Fields) -> NDArray[Any] | None:
    kind = next((value for number, value in tensor if number == _KIND), None)
    if not isinstance(kind, int) or kind not in _DTYPES:
        return None
    shape = [int(value) for number, value in tensor if number == _DIMS]
    place = _FLOATS if kind == FLOAT else _INTS
    for number, value in tensor:
        if isinstance(value, bytes) and number == _RAW:
            return np.frombuffer(value, _DTYPES[kind]).reshape(shape)
        if isinstance(value, bytes) and number == place:
            numbers = np.frombuffer(value, "<f4") if kind == FLOAT else np.array(varints(value), _DTYPES[kind])
            return numbers.reshape(shape)
    return None


def _fields(model: Fields) -> Fields:
    """Of the graph in a file."""
    return [field for number, value in model if number == _GRAPH for field in parse(_bytes(value))]


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number in place of a message")
    return value


def _node(content: bytes) -> Node:
    fields = parse(content)
    rest = [field for field in fields if field[0] not in (_IN, _OUT, _OP)]
    op = texts(fields, _OP)
    return Node(op[0] if op else "", tuple(texts(fields, _IN)), tuple(texts(fields, _OUT)), rest)


def _attribute(name: str, value: int | str | Sequence[int]) -> bytes:
    kind = "int" if isinstance(value, int) else "text" if isinstance(value, str) else "ints"
    found: Fields = [(1, name.encode()), (20, _KINDS[kind])]
    if isinstance(value, int):
        found.append((3, value))
    elif isinstance(value, str):
        found.append((4, value.encode()))
    else:
        found += [(8, each) for each in value]
    return build(found)


def _tensor(name: str, array: NDArray[Any]) -> bytes:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return build(
        [
            *((_DIMS, size) for size in array.shape),
            (_KIND, _KIND_OF[little.dtype]),
            (8, name.encode()),
            (_RAW, little.tobytes()),
        ]
    )
