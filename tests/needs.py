"""What runs here: engines, and Smalti without some of its packages."""

import importlib.util
import sys
from functools import cache

import numpy as np
import pytest

_PACKAGES = {"onnx": "onnxruntime", "openvino": "openvino"}
_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def without_packages(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """As if packages were not installed, though they may have been imported."""
    for name in (*packages, *(name for name in sys.modules if name.partition(".")[0] in packages)):
        monkeypatch.setitem(sys.modules, name, None)


def need_engine(engine: str) -> None:
    """Skips a test of an engine that is not installed, or that cannot compile networks for this processor."""
    if importlib.util.find_spec(_PACKAGES[engine]) is None:
        pytest.skip(f"{engine} is not installed")
    if engine == "openvino" and (cause := openvino_refuses()):
        pytest.skip(f"OpenVINO cannot compile for this processor: {cause}")


@cache
def openvino_refuses() -> str:
    """Why OpenVINO cannot compile the layers that networks have, each alone; nothing where it can.

    None of our own graphs: what those have done wrong must fail.
    """
    from smalti.runtime.openvino import openvino  # imported there, so that it does not report itself

    ops = openvino.opset13
    pixels = ops.parameter([1, 3, 16, 16], np.float32)
    kernel = ops.constant(np.ones((4, 3, 3, 3), np.float32))
    convolved = ops.convolution(pixels, kernel, [1, 1], [1, 1], [1, 1], [1, 1])
    size, axes = ops.constant(np.array([32, 32])), ops.constant(np.array([2, 3]))
    resized = ops.interpolate(pixels, size, "linear_onnx", "sizes", axes=axes)
    for layer in (convolved, resized, ops.softmax(pixels, 1)):
        try:
            openvino.Core().compile_model(openvino.Model([layer], [pixels], "layer"), "CPU", _EXACT)
        except RuntimeError as error:
            return str(error).strip().splitlines()[-1]
    return ""
