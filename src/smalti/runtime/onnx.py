"""The standard engine: ONNX Runtime on the CPU."""

from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from smalti.enlarge import FACTORS
from smalti.errors import ModelError
from smalti.runtime.batch import network_input, usable_cores
from smalti.runtime.ending import size_of
from smalti.runtime.integers import in_integers
from smalti.runtime.memory import MEND, lacks_memory
from smalti.runtime.models import ModelFile
from smalti.runtime.parts import parts_of
from smalti.runtime.saturation import sum_of_largest, unsaturated
from smalti.scene import Coarse

_CHANNELS = 64
_SILENT = 4  # only fatal errors are logged; whatever fails is raised anyway


class OnnxPredictor:
    """Runs a model file with ONNX Runtime, in the form of its `Parts`."""

    def __init__(self, model: ModelFile, threads: int | None = None) -> None:
        """`threads` defaults to the cores this process may use; ModelError if the engine refuses the file."""
        self.card = model.card
        self._path, self._threads = model.path, threads
        self._parts = parts_of(exact_here(model))
        self._names = self._parts.names(self.card)
        beginning = self._parts.beginning
        self._takes = np.uint8 if beginning is not None and beginning.exact else np.float32
        first = self._start(beginning.graph.dump()) if beginning is not None else self._plain
        self._of_bytes = first if beginning is not None else None
        self._input = first.get_inputs()[0].name
        found = {output.name for output in first.get_outputs()}
        missing = [name for name, own in self._names.items() if own not in found]
        if missing:
            raise ModelError(f"{model.path}: the graph lacks outputs that its card states: {', '.join(missing)}")

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Raw pixels N,C,H,W of any dtype -> the arrays of a `Predictor`."""
        found = self._answers(batch)
        ending = self._parts.ending
        if ending is None:
            return found
        given = {ending.small[task]: found[task] for task in ending.small}
        sizes = {size_of(task): np.array([*found[task].shape[:2], *batch.shape[2:]], np.int64) for task in ending.small}
        tasks = list(ending.small)
        return found | dict(zip(tasks, self._run(self._enlarging, tasks, given | sizes, batch), strict=True))

    @cached_property
    def coarse(self) -> Coarse | None:
        """See `scene.Coarsened`."""
        if self._parts.ending is None:
            return None
        side = 2 * self.card.stride
        tried = self._answers(np.zeros((1, len(self.card.bands), side, side), self.card.dtype))
        shapes = {tried[task].shape[2:] for task in self._parts.ending.small}
        factors = [factor for factor in FACTORS if shapes == {(side / factor, side / factor)}]
        return Coarse.of(self.card, factors[0], self._answers) if factors else None

    @cached_property
    def _plain(self) -> Any:
        """Runs pixels of any type."""
        return self._start(self._parts.plain)

    @cached_property
    def _enlarging(self) -> Any:
        assert self._parts.ending is not None
        return self._start(self._parts.ending.enlarging.dump())

    def _start(self, content: bytes) -> Any:
        return start(content, self._path, self._threads)

    def _answers(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of the graph by those of the card, without the last upsampling."""
        if self._of_bytes is not None and batch.dtype == np.uint8:
            session, pixels = self._of_bytes, network_input(batch, self.card, self._takes)
        else:
            session, pixels = self._plain, network_input(batch, self.card)
        found = self._run(session, list(self._names.values()), {self._input: pixels}, batch)
        return dict(zip(self._names, found, strict=True))

    def _run(self, session: Any, names: list[str], given: dict[str, np.ndarray], batch: np.ndarray) -> list[np.ndarray]:
        try:
            found: list[np.ndarray] = session.run(names, given)
        except Exception as error:
            reason = MEND if lacks_memory(error) else (str(error).splitlines() or [""])[0]
            raise ModelError(f"model {self.card.name} fails on a batch of shape {batch.shape}: {reason}") from None
        return found


def exact_here(model: ModelFile) -> ModelFile:
    """The model with coarser weights if it is in integers, and this processor saturates; else as it is."""
    return unsaturated(model) if in_integers(model) and saturates() else model


@cache
def saturates() -> bool:
    """Whether this processor adds products of bytes wrongly.

    No flag of the engine tells whether it does so: it is tried.
    """
    session = start(sum_of_largest(_CHANNELS), Path("the sum of the largest products"), 1)
    (found,) = session.run(["found"], {"image": np.full((1, _CHANNELS, 8, 8), 255, np.float32)})
    return bool(found.min() < 0.95 * 255 * 127 * _CHANNELS)


def start(content: bytes, path: Path, threads: int | None = None) -> Any:
    """A session of a graph on `threads` cores (by default all usable ones); ModelError, of `path`, if the engine
    refuses it."""
    onnxruntime.set_default_logger_severity(_SILENT)
    onnxruntime.disable_telemetry_events()  # it may have been imported before, without its variable set
    try:
        return onnxruntime.InferenceSession(
            content, _options(threads or usable_cores()), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the engine's exceptions share no base class
        reason = MEND if lacks_memory(error) else (str(error).splitlines() or [""])[0]
        raise ModelError(f"{path}: ONNX Runtime cannot load it: {reason}") from None


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
