"""OpenVINO on the CPU: an optional engine, faster than ONNX Runtime for a fixed tile shape."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from smalti.enlarge import FACTORS
from smalti.errors import MissingExtraError, ModelError
from smalti.runtime.batch import network_input, usable_cores
from smalti.runtime.memory import MEND, lacks_memory
from smalti.runtime.models import ModelFile
from smalti.runtime.onnx import exact_here
from smalti.runtime.parts import parts_of
from smalti.scene import Coarse


@contextmanager
def without_telemetry() -> Iterator[None]:
    """Hides the package through which OpenVINO and NNCF report their use; both work without it."""
    name = "openvino_telemetry"
    known = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # to be found missing
    try:
        yield
    finally:
        del sys.modules[name]
        if known is not None:
            sys.modules[name] = known


try:
    with without_telemetry():
        import openvino
except ImportError:
    raise MissingExtraError("OpenVINO", "openvino") from None

_PLAIN, _BYTES, _WHOLE = "plain", "bytes", "whole"
"""Forms of a model: for pixels of any type and for bytes alone, both as `Parts` leave it; and its own graph."""
_KEPT = 4  # compiled shapes; a scene has one tile size, and possibly a smaller last batch


class OpenVinoPredictor:
    """Runs a model file with OpenVINO, in the form of its `Parts`, or whole where the answers are wanted upsampled.

    Each is compiled once per batch shape: static shapes run 1.2 to 1.4 times faster.
    """

    def __init__(self, model: ModelFile, threads: int | None = None) -> None:
        """`threads` defaults to the cores this process may use.

        ModelError if the engine refuses the file, or cannot compile it for this processor: tried here, for one tile.
        """
        self.card = model.card
        self._path = model.path
        model = exact_here(model)
        self._parts = parts_of(model)
        self._core = openvino.Core()
        self._hints = {
            "INFERENCE_PRECISION_HINT": "f32",  # the default is bfloat16 on CPUs that have it, with other results
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads or usable_cores(),
            "NUM_STREAMS": 1,
        }
        beginning = self._parts.beginning
        self._forms = {_PLAIN: self._parts.plain}
        if beginning is not None and beginning.exact:
            self._forms[_BYTES] = beginning.graph.dump()
        if self._parts.ending is not None:
            self._forms[_WHOLE] = model.content
        self._read: dict[str, openvino.Model] = {}
        self._alone = threading.Lock()
        """A request runs one batch at a time."""
        self._compiled: dict[tuple[str, *tuple[int, ...]], openvino.InferRequest] = {}
        tile = (1, len(self.card.bands), self.card.tile, self.card.tile)
        form = self._form(np.dtype(self.card.dtype))
        self._names(form)  # its outputs are checked first
        self._tried = self._request(form, tile)

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Raw pixels N,C,H,W of any dtype -> the arrays of a `Predictor`."""
        return self._answers(batch) if self._parts.ending is None else self._run(_WHOLE, batch)

    @cached_property
    def coarse(self) -> Coarse | None:
        """See `scene.Coarsened`."""
        ending, side = self._parts.ending, self.card.tile
        if ending is None:
            return None
        names = self._names(self._form(np.dtype(self.card.dtype)))
        shapes = {tuple(self._tried.get_output_tensor(names[task]).shape[2:]) for task in ending.small}
        factors = [factor for factor in FACTORS if shapes == {(side / factor, side / factor)}]
        return Coarse.of(self.card, factors[0], self._answers) if factors else None

    def _answers(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        return self._run(self._form(batch.dtype), batch)

    def _form(self, dtype: np.dtype[Any]) -> str:
        """The form that takes pixels of a dtype with the least work."""
        return _BYTES if dtype == np.uint8 and _BYTES in self._forms else _PLAIN

    def _run(self, form: str, batch: np.ndarray) -> dict[str, np.ndarray]:
        pixels = network_input(batch, self.card, np.uint8 if form == _BYTES else np.float32)
        with self._alone:
            request = self._request(form, pixels.shape)
            try:
                request.infer([pixels])
            except RuntimeError as error:
                raise ModelError(
                    f"model {self.card.name} fails on a batch of shape {pixels.shape}: {_cause(error)}"
                ) from None
            # copied: the request writes its next output into the same memory
            return {name: request.get_output_tensor(at).data.copy() for name, at in self._names(form).items()}

    def _request(self, form: str, shape: tuple[int, ...]) -> "openvino.InferRequest":
        if (form, *shape) not in self._compiled:
            if len(self._compiled) == _KEPT:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[form, *shape] = self._compile(form, shape)
        return self._compiled[form, *shape]

    def _compile(self, form: str, shape: tuple[int, ...]) -> "openvino.InferRequest":
        model = self._model(form)
        try:
            static = model.clone()
            static.reshape(list(shape))
            return self._core.compile_model(static, "CPU", self._hints).create_infer_request()
        except RuntimeError as error:
            here = f"OpenVINO cannot compile it for this processor: {_cause(error)}"
            raise ModelError(f"{self._path}: {here}; use ONNX Runtime: --engine onnx") from None

    def _model(self, form: str) -> "openvino.Model":
        if form not in self._read:
            try:
                model = self._core.read_model(self._forms[form])
            except RuntimeError as error:
                raise ModelError(f"{self._path}: OpenVINO cannot load it: {_cause(error)}") from None
            if len(model.inputs) != 1:
                raise ModelError(
                    f"{self._path}: takes {len(model.inputs)} inputs; maps need a model with one, the pixels"
                )
            self._read[form] = model
        return self._read[form]

    def _names(self, form: str) -> dict[str, int]:
        """For each output of the card the number of the form's."""
        names = {name: name for name in self.card.outputs} if form == _WHOLE else self._parts.names(self.card)
        found = [output.get_names() for output in self._model(form).outputs]
        numbers = {name: next((at for at, each in enumerate(found) if own in each), -1) for name, own in names.items()}
        if missing := [name for name, at in numbers.items() if at < 0]:
            raise ModelError(f"{self._path}: the graph lacks outputs that its card states: {', '.join(missing)}")
        return numbers


def _cause(error: RuntimeError) -> str:
    """The last line of OpenVINO's message: those before it are locations in its own sources."""
    if lacks_memory(error):
        return MEND
    return next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__).strip()
