"""OpenVINO on the CPU: an optional engine, faster than ONNX Runtime for a fixed tile shape."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from smalti.errors import MissingExtraError, ModelError
from smalti.runtime.batch import network_input, usable_cores
from smalti.runtime.memory import MEND, lacks_memory
from smalti.runtime.models import ModelFile


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

_KEPT = 4  # compiled shapes; a scene has one tile size, and possibly a smaller last batch


class OpenVinoPredictor:
    """Runs a model file in float32 with OpenVINO, compiled once per batch shape (static shapes run 1.2-1.4x faster)."""

    def __init__(self, model: ModelFile, threads: int | None = None) -> None:
        """`threads` defaults to the cores this process may use.

        ModelError if the engine refuses the file, or cannot compile it for this processor: tried here, for one tile.
        """
        self.card = model.card
        self._path = model.path
        self._core = openvino.Core()
        self._hints = {
            "INFERENCE_PRECISION_HINT": "f32",  # the default is bfloat16 on CPUs that have it, with other results
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads or usable_cores(),
            "NUM_STREAMS": 1,
        }
        try:
            self._model = self._core.read_model(model.content)
        except RuntimeError as error:
            raise ModelError(f"{model.path}: OpenVINO cannot load it: {_cause(error)}") from None
        if len(self._model.inputs) != 1:
            raise ModelError(
                f"{model.path}: takes {len(self._model.inputs)} inputs; maps need a model with one, the pixels"
            )
        self._outputs = {name: self._index(name) for name in self.card.outputs}
        self._alone = threading.Lock()
        """A request runs one batch at a time."""
        self._compiled: dict[tuple[int, ...], openvino.InferRequest] = {}
        self._request((1, len(self.card.bands), self.card.tile, self.card.tile))

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Raw pixels N,C,H,W of any dtype -> the arrays of a `Predictor`."""
        pixels = network_input(batch, self.card)
        with self._alone:
            request = self._request(pixels.shape)
            try:
                request.infer([pixels])
            except RuntimeError as error:
                raise ModelError(
                    f"model {self.card.name} fails on a batch of shape {pixels.shape}: {_cause(error)}"
                ) from None
            # copied: the request writes its next output into the same memory
            return {name: request.get_output_tensor(at).data.copy() for name, at in self._outputs.items()}

    def _request(self, shape: tuple[int, ...]) -> "openvino.InferRequest":
        if shape not in self._compiled:
            if len(self._compiled) == _KEPT:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[shape] = self._compile(shape)
        return self._compiled[shape]

    def _compile(self, shape: tuple[int, ...]) -> "openvino.InferRequest":
        try:
            static = self._model.clone()
            static.reshape(list(shape))
            return self._core.compile_model(static, "CPU", self._hints).create_infer_request()
        except RuntimeError as error:
            here = f"OpenVINO cannot compile it for this processor: {_cause(error)}"
            raise ModelError(f"{self._path}: {here}; use ONNX Runtime: --engine onnx") from None

    def _index(self, name: str) -> int:
        for at, output in enumerate(self._model.outputs):
            if name in output.get_names():
                return at
        raise ModelError(f"{self._path}: the graph lacks outputs that its card states: {name}")


def _cause(error: RuntimeError) -> str:
    """The last line of OpenVINO's message: those before it are locations in its own sources."""
    if lacks_memory(error):
        return MEND
    return next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__).strip()
