"""Trained weights out of an exported model file, where batch norms are folded into the convolutions before them.

The file names most weights as the net does. The bias of a convolution, and the statistics of a batch norm that was not
folded, are what the node of its weight reads, whatever their names; the weight of a fully connected layer is what is
multiplied before its bias is added, and it is stored transposed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.lessons.made import PREFIX
from smalti.nets.build import Model, build
from smalti.nets.folding import Folded, unfold
from smalti.nets.naming import Weights
from smalti.nets.randomness import own_random
from smalti.runtime.integers import in_floats
from smalti.runtime.models import ModelFile
from smalti.text import some

_ROOT = "model."
"""How the names of weights begin in a file."""


class ModelWeights:
    """The weights of a model file, checked against the net that its card describes."""

    def __init__(self, file: ModelFile) -> None:
        """ModelError if the file was taught, or lacks a weight that the outputs of the net depend on."""
        self.card, self._path = file.card, file.path
        if self.card.tasks[0].kind == "score":
            raise ModelError(f"{file.path}: ranks photos; a training of that kind starts from a checkpoint's folder")
        graph = onnx.load_model_from_string(in_floats(file).content).graph
        if any(node.output[0].startswith(PREFIX) for node in graph.node):
            text = f"{file.path}: was {self.card.origin.recipe}; what strokes taught is no part of the net"
            raise ModelError(f"{text}: give the parent")
        with own_random():  # for weights that are replaced
            self._model = build(self.card)
        own, stored = self._model.state_dict(), _Stored(graph)
        self._needed, behind = _anatomy(self._model)
        self._pairs = {
            conv: norm
            for norm, conv in behind.items()
            if f"{norm}.weight" in self._needed
            and stored.find(f"{norm}.running_var", own[f"{norm}.bias"].shape) is None
        }
        apart = {f"{part}.{name}" for pair in self._pairs.items() for part in pair for name in _NAMES}
        self._plain = {name: stored.find(name, own[name].shape) for name in self._needed - apart}
        # of equal constants a file has one: that of a task of values at its minimum may be any 0
        self._plain |= {
            name: own[name].clone() for name, value in self._plain.items() if value is None and stored.has(own[name])
        }
        self._folded = {
            name: stored.find(name, own[like].shape)
            for conv, norm in self._pairs.items()
            for name, like in ((f"{conv}.weight", f"{conv}.weight"), (f"{conv}.bias", f"{norm}.bias"))
        }
        if missing := sorted(name for name, value in (self._plain | self._folded).items() if value is None):
            raise ModelError(
                f"{file.path}: its graph lacks weights of the net {self.card.net} that its card describes "
                f"({some(missing, 2)}), as those of converted models do, and of some nets; give a "
                "checkpoint's folder, or the model that it was made from"
            )

    def unfolded(self, images: Tensor) -> Weights:
        """The weights of the net; those that its outputs do not depend on, of auxiliary heads, are left out.

        Args:
            images: raw images N,C,H,W of the card's bands, such as those of the training to come. The batch norms get
                their statistics, which does not change the function of the net.

        Raises ModelError for images of another number of bands.
        """
        model, bands = self._model, self.card.bands
        if images.shape[1] != len(bands):
            text = f"{self._path}: takes {len(bands)} bands ({', '.join(bands)}), the training has {images.shape[1]}"
            raise ModelError(f"{text}; give a checkpoint's folder")
        own, modules = model.state_dict(), dict(model.named_modules())
        for name, value in self._plain.items():
            assert value is not None
            own[name].copy_(value)
        folded = []
        for conv, norm in self._pairs.items():
            kernel, bias = self._folded[f"{conv}.weight"], self._folded[f"{conv}.bias"]
            before, behind = modules[conv], modules[norm]
            assert isinstance(before, nn.Conv2d) and isinstance(behind, nn.BatchNorm2d)
            assert kernel is not None and bias is not None
            folded.append(Folded(before, behind, kernel, bias))
        unfold(model, folded, images)
        counters = {name for name in own if name.endswith("num_batches_tracked")}
        return {name: own[name] for name in sorted(self._needed | counters)}

    def with_norms_of(self, like: Weights) -> Weights:
        """The weights of the net with the scales and statistics of batch norms of `like`, weights of the same net.

        Convolutions and shifts make up for them, so that the function is that of the file. What the file lacks, of
        auxiliary heads, is that of `like`. ModelError if that is of another net.
        """
        if {name: value.shape for name, value in like.items()} != {
            name: value.shape for name, value in self._model.state_dict().items()
        }:
            raise ModelError(f"{self._path}: is of another net than the weights whose norms it shall take")
        modules, found = dict(self._model.named_modules()), dict(like)
        found |= {name: value for name, value in self._plain.items() if value is not None}
        for conv, norm in self._pairs.items():
            kernel, bias = self._folded[f"{conv}.weight"], self._folded[f"{conv}.bias"]
            behind = modules[norm]
            assert isinstance(behind, nn.BatchNorm2d) and kernel is not None and bias is not None
            gain = like[f"{norm}.weight"] / (like[f"{norm}.running_var"] + behind.eps).sqrt()
            found[f"{conv}.weight"] = kernel / gain[:, None, None, None]
            found[f"{norm}.bias"] = bias + gain * like[f"{norm}.running_mean"]
            if f"{conv}.bias" in found:
                found[f"{conv}.bias"] = torch.zeros_like(bias)
        return found


_NAMES = ("weight", "bias", "running_mean", "running_var")


def _anatomy(model: Model) -> tuple[set[str], dict[str, str]]:
    """The names of all weights that the outputs of a model's tasks depend on, counters apart; and by the name of each
    batch norm the convolution that feeds it."""
    card, side = model.card, 2 * model.card.stride
    with _fed(model) as behind:
        outputs = model.eval()(torch.zeros(2, len(card.bands), side, side))
    total = torch.stack([outputs[task.name].sum() for task in card.tasks]).sum()
    named = dict(model.named_parameters())
    slopes = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    found = {name for name, slope in zip(named, slopes, strict=True) if slope is not None}
    for place, module in model.named_modules():
        if {f"{place}.{name}" for name, _ in module.named_parameters(recurse=False)} <= found:
            stored = module.state_dict(prefix=f"{place}.").keys()
            found |= {f"{place}.{name}" for name, _ in module.named_buffers(recurse=False)} & stored
    return {name for name in found if not name.endswith("num_batches_tracked")}, behind


@contextmanager
def _fed(model: nn.Module) -> Iterator[dict[str, str]]:
    """While the model runs within it, fills a table: by the name of each batch norm the convolution that feeds it."""
    made: dict[int, tuple[str, Tensor]] = {}  # with the tensor, so that no other one gets its number
    found: dict[str, str] = {}
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):

            def keep(conv: nn.Module, inputs: object, output: Tensor, name: str = name) -> None:
                made[id(output)] = (name, output)

            hooks.append(module.register_forward_hook(keep))
        elif isinstance(module, nn.BatchNorm2d):

            def look(norm: nn.Module, inputs: tuple[Tensor], name: str = name) -> None:
                if id(inputs[0]) in made:
                    found[name] = made[id(inputs[0])][0]

            hooks.append(module.register_forward_pre_hook(look))
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


_READ = {
    "bias": {"Conv": 2, "BatchNormalization": 2},
    "running_mean": {"BatchNormalization": 3},
    "running_var": {"BatchNormalization": 4},
}
"""By kind of weight and operator, which of its inputs that is."""


class _Stored:
    """What a graph stores."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._constants = {each.name: each for each in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}
        self._readers = {name: node for node in graph.node for name in node.input}

    def find(self, name: str, shape: torch.Size) -> Tensor | None:
        """A weight of the net by its name and shape; None if it is not stored."""
        place, _, kind = f"{_ROOT}{name}".rpartition(".")
        tried = [(self._constants.get(f"{place}.{kind}"), False)]
        if kind in _READ:
            tried.insert(0, (self._read(f"{place}.weight", kind), False))
        if kind == "weight":
            tried.append((self._multiplied(f"{place}.bias"), True))
        for stored, turned in tried:
            if stored is not None and stored.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
                values = np.array(numpy_helper.to_array(stored), np.float32)
                found = torch.from_numpy(values.T.copy() if turned else values)
                if found.shape == shape:
                    return found
        return None

    def has(self, number: Tensor) -> bool:
        """Whether a single number is stored, under whatever name."""
        return number.ndim == 0 and any(
            not each.dims and each.data_type == onnx.TensorProto.FLOAT and float(numpy_helper.to_array(each)) == number
            for each in self._constants.values()
        )

    def _read(self, weight: str, kind: str) -> onnx.TensorProto | None:
        """What the node of a weight reads as its bias, mean or variance."""
        node = self._readers.get(weight)
        at = _READ[kind].get(node.op_type, len(node.input)) if node is not None else 0
        return self._constants.get(node.input[at]) if node is not None and at < len(node.input) else None

    def _multiplied(self, bias: str) -> onnx.TensorProto | None:
        """What the value is multiplied by that a bias is added to."""
        node = self._readers.get(bias)
        for name in node.input if node is not None and node.op_type == "Add" else ():
            before = self._makers.get(name)
            if before is not None and before.op_type == "MatMul":
                return self._constants.get(before.input[1])
        return None
