"""Opens a model by name or file with the engine of choice."""

from typing import Literal, Protocol

import numpy as np

from smalti.card import Card
from smalti.runtime.models import find_model, verify

Engine = Literal["auto", "onnx", "openvino"]


class OpenModel(Protocol):
    """What every engine answers: a card, and raw pixels N,C,H,W -> one float32 array N,K,H,W, or N,K, per task."""

    card: Card

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Raw pixels of any dtype -> one answer per task."""
        ...


def open_model(name_or_path: str, engine: Engine = "auto", threads: int | None = None) -> OpenModel:
    """A bundled or local model by name, or an `.onnx` file, ready to run; `auto` is ONNX Runtime.

    ModelError if the file is missing, truncated, altered or no Smalti model; MissingExtraError without the engine.
    """
    model = verify(find_model(name_or_path))
    if engine == "openvino":
        from smalti.runtime.openvino import OpenVinoPredictor  # an optional extra

        return OpenVinoPredictor(model, threads)
    from smalti.runtime.onnx import OnnxPredictor  # lazily: OpenVINO users need not load both engines

    return OnnxPredictor(model, threads)
