"""The standard engine: ONNX Runtime on the CPU."""

from typing import Any

import numpy as np
import onnxruntime

from smalti.errors import ModelError
from smalti.runtime.batch import network_input, usable_cores
from smalti.runtime.memory import MEND, lacks_memory
from smalti.runtime.models import ModelFile

_SILENT = 4  # only fatal errors are logged; whatever fails is raised anyway


class OnnxPredictor:
    """Runs a model file in float32 with ONNX Runtime."""

    def __init__(self, model: ModelFile, threads: int | None = None) -> None:
        """`threads` defaults to the cores this process may use; ModelError if the engine refuses the file."""
        self.card = model.card
        self._session = start(model, threads)
        self._input = self._session.get_inputs()[0].name
        self._outputs = self.card.outputs
        missing = set(self._outputs) - {output.name for output in self._session.get_outputs()}
        if missing:
            raise ModelError(f"{model.path}: the graph lacks outputs that its card states: {', '.join(missing)}")

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Raw pixels N,C,H,W of any dtype -> the arrays of a `Predictor`."""
        pixels = network_input(batch, self.card)
        try:
            found = self._session.run(self._outputs, {self._input: pixels})
        except Exception as error:
            reason = MEND if lacks_memory(error) else (str(error).splitlines() or [""])[0]
            raise ModelError(f"model {self.card.name} fails on a batch of shape {pixels.shape}: {reason}") from None
        return dict(zip(self._outputs, found, strict=True))


def start(model: ModelFile, threads: int | None = None) -> Any:
    """A session of a model file on `threads` cores (by default all usable ones); ModelError if the engine refuses."""
    onnxruntime.set_default_logger_severity(_SILENT)
    onnxruntime.disable_telemetry_events()  # it may have been imported before, without its variable set
    try:
        return onnxruntime.InferenceSession(
            model.content, _options(threads or usable_cores()), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the engine's exceptions share no base class
        reason = MEND if lacks_memory(error) else (str(error).splitlines() or [""])[0]
        raise ModelError(f"{model.path}: ONNX Runtime cannot load it: {reason}") from None


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads sleep instead of spinning: reader and writer need the cores meanwhile, and beside another busy
    # process spinning made a tile 1.6 times slower; alone on the machine it would be 1.08 times faster.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _SILENT
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return options
