"""Opens a model by name or file with the engine of choice."""

from typing import Literal, get_args

from smalti.errors import OptionError
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.scene import Predictor

Engine = Literal["auto", "onnx", "openvino"]


def open_model(name_or_path: str, engine: Engine = "auto", threads: int | None = None) -> Predictor:
    """A bundled or local model by name, or an `.onnx` file, ready to run; `auto` is ONNX Runtime.

    ModelError if the file is missing, truncated, altered or no Smalti model; MissingExtraError without the engine.
    """
    return start_engine(verify(find_model(name_or_path)), engine, threads)


def start_engine(model: ModelFile, engine: Engine = "auto", threads: int | None = None) -> Predictor:
    """The engine of choice with a model file whose hash is right; raises as `open_model` does."""
    if engine not in get_args(Engine):
        raise OptionError(f"engine is {engine!r}; expected one of {', '.join(get_args(Engine))}", value=engine)
    if engine == "openvino":
        from smalti.runtime.openvino import OpenVinoPredictor  # an optional extra

        return OpenVinoPredictor(model, threads)
    from smalti.runtime.onnx import OnnxPredictor  # lazily: OpenVINO users need not load both engines

    return OnnxPredictor(model, threads)
