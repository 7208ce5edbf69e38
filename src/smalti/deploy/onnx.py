"""Exports a net as one `.onnx` file: normalisation at its start, softmax at its end, the card in its metadata.

The file is written only if ONNX Runtime agrees with torch at several sizes and batch sizes: an exporter that fixes the
size of its example in a graph (as happens with flow warping) makes files that run at every size and are silently wrong.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.fx.experimental import _config as shapes

from smalti.card import Card
from smalti.deploy.inference import for_inference
from smalti.deploy.operators import rewrite
from smalti.deploy.parity import Parity, check_parity
from smalti.deploy.same import name_same_padding
from smalti.errors import ExportError
from smalti.files import write_whole
from smalti.nets.unlike import Unlikeness, find_encoder, kept_maps
from smalti.raster.quiet import quiet
from smalti.runtime.models import ModelFile, sealed
from smalti.watch import Say, silent

OPSET = 18
IR_VERSION = 9
"""Of the file's format: ONNX Runtime before 1.18, which plugins of QGIS still pin, reads none above it."""
_EXAMPLE = (
    2,
    3,
    5,
)  # batch; height and width in strides: no two sizes alike, none of them 0 or 1, which torch bakes in

_AXES = {0: "batch", 2: "height", 3: "width"}
_TARGET = re.compile(r"target=torch\.ops\.(\w+\.\w+)")


class ExportedNet(nn.Module):
    """The net as exported: raw pixels -> the outputs of its card; no auxiliary heads."""

    def __init__(self, model: nn.Module, card: Card) -> None:
        super().__init__()
        self.model = model
        self.card = card
        self.unlike = Unlikeness(card.unlike) if card.unlike else None

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """N,C,H,W raw pixels -> per task of the card, in its order, N,K,H,W or N,K for the whole image.

        Of a card with `unlike` N,1 comes last.
        """
        if self.unlike is None:
            return self._tasks(image)
        with kept_maps(find_encoder(self.model, self.card)) as maps:
            found = self._tasks(image)
        probabilities = found[self.card.tasks.index(self.card.class_task())]
        return (*found, self.unlike(maps[0], probabilities))

    def _tasks(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs = self.model(image)
        return tuple(
            _softmax(outputs[task.name]) if task.has_classes else outputs[task.name] for task in self.card.tasks
        )


def _softmax(logits: Tensor) -> Tensor:
    """Softmax over the classes of N,K,H,W or N,K in single steps.

    ONNX Runtime's own softmax over this axis is slow: 80 ms for six classes at 512x512, twice the time of the net; this
    takes 5 ms.
    """
    powers = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return powers * powers.sum(dim=1, keepdim=True).reciprocal()


def export_model(model: nn.Module, card: Card, out: Path, say: Say = silent) -> Parity:
    """Writes a net that takes raw pixels as one sealed `.onnx` file; ExportError and no file if the outputs differ.

    `say` gets one line before each step that takes a while.
    """
    check_finite(model, out)
    exported = ExportedNet(model, card).eval().float()
    say(f"capturing the graph of {card.net}; that takes seconds to minutes")
    content, digest = sealed(clean(card_graph(exported)), out, card)
    say("comparing its outputs with torch's")
    parity = check_parity(exported, ModelFile(out, content, card, digest))
    write_whole(out, content)
    return parity


def check_finite(model: nn.Module, out: Path) -> None:
    """ExportError if a weight is not finite."""
    for name, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise ExportError(f"{out}: not written: {name} is not finite; export an earlier checkpoint")


def card_graph(exported: ExportedNet) -> onnx.ModelProto:
    """The graph of what a card describes, for batches and images of any size; ExportError if torch cannot write it."""
    batch, rows, columns = _EXAMPLE
    card = exported.card
    names = list(card.outputs)
    example = torch.zeros(batch, len(card.bands), rows * card.stride, columns * card.stride)
    axes = {at: torch.export.Dim(name, min=1 if at == 0 else card.stride + 1) for at, name in _AXES.items()}
    return graph_of(exported, {"image": example}, {"image": axes}, names, card.net)


def graph_of(
    exported: nn.Module, inputs: dict[str, Tensor], axes: dict[str, dict[int, Any]], outputs: list[str], net: str
) -> onnx.ModelProto:
    """The graph of a module that takes `inputs` in this order; axes named in `axes` may have any size."""
    with _quiet():
        try:
            # Captured here with bounds: torch.onnx by itself falls back to captures that fix the graph to its example.
            # Without the switch, a map that the example shrinks to one pixel, or does not, is assumed always so.
            with shapes.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
                captured = torch.export.export(for_inference(exported), tuple(inputs.values()), dynamic_shapes=axes)
            model = _written(captured, list(inputs), outputs)
        except Exception as error:  # a net's code may raise anything on symbolic sizes
            raise ExportError(f"torch cannot write the net {net} as a graph for any size: {_why(error)}") from error
    name_same_padding(model.graph)
    return model


def _why(error: BaseException) -> str:
    """One line: the operator, where the exporter names one, and the first cause."""
    operator = ""
    while True:
        if found := _TARGET.search(str(error)):
            operator = f"operator {found[1]}: "
        if error.__cause__ is None:
            break
        error = error.__cause__
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return operator + first.partition(" For more information")[0]


def _written(captured: torch.export.ExportedProgram, inputs: list[str], outputs: list[str]) -> onnx.ModelProto:
    """A captured graph in the operators of ONNX.

    Of the nets here the exporter knows all operators once they are rewritten, and need not capture the graph once more.
    """

    def write() -> onnx.ModelProto:
        program = torch.onnx.export(
            captured, dynamo=True, input_names=inputs, output_names=outputs, opset_version=OPSET, verbose=False
        )
        assert program is not None
        return program.model_proto

    if not rewrite(captured):
        return write()
    captured.run_decompositions = lambda *_: captured
    try:
        return write()
    except torch.onnx.OnnxExporterError:  # a net of another package has further such operators
        del captured.run_decompositions
        return write()


def clean(model: onnx.ModelProto) -> bytes:
    """The graph without the exporter's notes, which make a file larger and contain paths of the exporting machine.

    Its IR version is set to `IR_VERSION`: no graph here uses what later ones added (dtypes, devices, functions).
    """
    model.ir_version = IR_VERSION
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    for part in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del part.metadata_props[:]
    dims = model.graph.input[0].type.tensor_type.shape.dim
    names = {dims[at].dim_param: name for at, name in _AXES.items() if dims[at].dim_param}
    for part in (*model.graph.input, *model.graph.output):
        for dim in part.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = names.get(dim.dim_param, dim.dim_param)
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides the exporter's internal log messages and warnings; one thread at a time, as both belong to the process."""
    log = logging.getLogger("torch.onnx")
    with quiet(Warning):
        level = log.level
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)
