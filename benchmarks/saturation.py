"""What models in 8-bit integers answer on a processor that adds products of bytes in 16 bits.

    python benchmarks/saturation.py IMAGE [MODEL ...] [--row 512] [--col 512] [--size 512] [--cpu Haswell]

Of a window of IMAGE the share of pixels that get another class than by the same integers computed exactly, which is in
floats and rounded step by step: in integers as they are, and as Smalti computes there, with coarser weights. On a
processor that saturates nothing is emulated; on others it needs qemu's user mode (`apt-get install qemu-user`).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from smalti.raster.read import open_raster
from smalti.runtime import onnx
from smalti.runtime.integers import in_floats
from smalti.runtime.models import find_model, verify
from smalti.text import aligned
from smalti.tiling import Window

MODELS = ("landcover", "landcover_fast")
HOW = EXACT, AS_THEY_ARE, _, IN_FLOATS = "exact", "integers as they are", "as Smalti computes", "in floats"


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--row", type=int, default=512)
    parser.add_argument("--col", type=int, default=512)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--cpu", default="Haswell")
    parser.add_argument("--answer", nargs=2, metavar=("HOW", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        how, folder = options.answer
        answer(how, folder, options.models)
        return
    emulator = None if onnx.saturates() else shutil.which("qemu-x86_64")
    if emulator is None and not onnx.saturates():
        parser.error("needs qemu-x86_64, or a processor that saturates")
    with tempfile.TemporaryDirectory() as folder:
        with open_raster(options.image) as image:
            pixels, _ = image.read(Window(options.row, options.col, options.size, options.size))
        np.save(f"{folder}/image.npy", pixels[None, :3])
        there = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        for how in HOW:
            emulated = [emulator, "-cpu", options.cpu] if emulator is not None and how != EXACT else []
            command = [*emulated, os.path.realpath(sys.executable), __file__, options.image]
            subprocess.run(
                [*command, *options.models, "--answer", how, folder], env=there, check=True, stderr=subprocess.DEVNULL
            )
        rows = [("model", *HOW[1:])]
        for model in options.models:
            own, *others = (np.load(f"{folder}/{how}_{model}.npy") for how in HOW)
            rows.append((model, *(f"{(other != own).mean():.2%}" for other in others)))
    print("\n".join(aligned(rows)))


def answer(how: str, folder: str, models: list[str]) -> None:
    """Stores the classes of the window by each model."""
    if how == EXACT:
        computing_exactly()
    elif how == AS_THEY_ARE:
        onnx.exact_here = lambda model: model
    elif how == IN_FLOATS:
        onnx.exact_here = in_floats
    image = np.load(f"{folder}/image.npy")
    for model in models:
        (found, *_) = onnx.OnnxPredictor(verify(find_model(model)))(image).values()
        np.save(Path(folder) / f"{how}_{model}.npy", found.argmax(axis=1).astype(np.uint8))


def computing_exactly() -> None:
    """Lets integers be computed in floats that are rounded step by step, on any processor."""
    onnx.exact_here = lambda model: model
    optimized = onnx._options

    def plain(threads: int) -> Any:
        options = optimized(threads)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return options

    onnx._options = plain


if __name__ == "__main__":
    main()
