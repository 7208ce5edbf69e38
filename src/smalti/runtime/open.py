"""Opens a model by name or file with a chosen engine."""

import importlib.util
from collections.abc import Callable

from smalti.errors import OptionError
from smalti.extensions import find_extension, nobody_brings, unfit
from smalti.runtime.extension import GROUP, CheckedEngine
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.scene import Predictor

Engine = str
"""`auto`, a key of `ENGINES`, or the name of an engine of another package."""

REFERENCE: Engine = "onnx"
"""The engine of the base installation, which `auto` is wherever nothing is measured."""


def open_model(name_or_path: str, engine: Engine = "auto", threads: int | None = None) -> Predictor:
    """A bundled or local model by name, or an `.onnx` file, ready to run; `auto` is ONNX Runtime.

    ModelError if the file is missing, truncated, altered or no Smalti model; MissingExtraError without the engine;
    OptionError for an unknown engine; ExtensionError for one of another package that cannot be used.
    """
    return start_engine(verify(find_model(name_or_path)), engine, threads)


def start_engine(model: ModelFile, engine: Engine = "auto", threads: int | None = None) -> Predictor:
    """Starts the chosen engine with a verified model file; raises the errors of `open_model`."""
    return find_engine(engine)(model, threads)


def find_engine(engine: Engine) -> Callable[[ModelFile, int | None], Predictor]:
    """The function that starts the engine of that name with a model file and a number of threads (None: all cores)."""
    name = REFERENCE if engine == "auto" else engine
    start = ENGINES.get(name) if isinstance(name, str) else None
    if start is not None:
        return start
    found = find_extension(GROUP, str(engine))
    if found is None:
        known = ", ".join(["auto", *ENGINES])
        raise OptionError(f"engine is {engine!r}; expected one of {known}: {nobody_brings(GROUP)}", value=engine)
    if not callable(found):
        raise unfit(GROUP, engine, f"is {found!r}", "a function of a model file and a number of threads")
    return lambda model, threads: CheckedEngine(engine, found, model, threads)


def installed_engines() -> tuple[Engine, ...]:
    """The built-in engines that are installed."""
    return tuple(name for name in ENGINES if name != "openvino" or importlib.util.find_spec("openvino") is not None)


def _onnx(model: ModelFile, threads: int | None) -> Predictor:
    from smalti.runtime.onnx import OnnxPredictor  # lazily: OpenVINO users need not load both engines

    return OnnxPredictor(model, threads)


def _openvino(model: ModelFile, threads: int | None) -> Predictor:
    from smalti.runtime.openvino import OpenVinoPredictor  # an optional extra

    return OpenVinoPredictor(model, threads)


ENGINES: dict[str, Callable[[ModelFile, int | None], Predictor]] = {"onnx": _onnx, "openvino": _openvino}
