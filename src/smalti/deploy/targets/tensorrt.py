"""TensorRT, for Jetson and other NVIDIA devices: a plain `.onnx` file, the settings, and a script that runs there.

ONNX Runtime's TensorRT provider compiles the graph on the device itself, for its processor and its version.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from smalti.arrays import Floats, Pixels
from smalti.deploy.onnx import clean
from smalti.deploy.plain import plain_graph
from smalti.deploy.targets.built import Built, Port
from smalti.runtime.models import ModelFile, sealed, verify
from smalti.runtime.onnx import OnnxPredictor
from smalti.watch import Say

PROVIDERS: list[tuple[str, dict[str, object]]] = [
    (
        "TensorrtExecutionProvider",
        {
            "trt_fp16_enable": True,
            "trt_engine_cache_enable": True,  # compiling takes minutes
            "trt_engine_cache_path": "engines",
            "trt_timing_cache_enable": True,
            "trt_timing_cache_path": "engines",
        },
    ),
    ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "EXHAUSTIVE"}),
    ("CPUExecutionProvider", {}),
]
"""Of ONNX Runtime, with their options, from the fastest to the one that is always there."""
_SCRIPT = Path(__file__).parents[1] / "on_device" / "run_tensorrt.py"


def build(model: ModelFile, folder: Path, stem: str, say: Say) -> Built:
    """Writes the graph for one tile of the card's size, with the settings and the script for the device."""
    card = model.card
    out, script = folder / f"{stem}.onnx", folder / f"{stem}_run.py"
    out.write_bytes(sealed(clean(plain_graph(model.content, card, guard=True)), out, card)[0])
    shutil.copyfile(_SCRIPT, script)
    predict = OnnxPredictor(verify(out))

    def run(tiles: Sequence[Pixels]) -> list[dict[str, Floats]]:
        return [predict(tile) for tile in tiles]

    image = Port("image", "N,C,H,W", (1, len(card.bands), card.tile, card.tile))
    outputs = {
        task.name: Port(task.name, "N,K" if task.per_image else "N,K,H,W",
                        (1, task.channels, *(() if task.per_image else (card.tile, card.tile))))
        for task in card.tasks
    }  # fmt: skip
    return Built((out, script), image, outputs, run, {"providers": PROVIDERS})
