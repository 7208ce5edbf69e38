"""What models in 8-bit integers answer on a processor that adds products of bytes in 16 bits, which is emulated.

    python benchmarks/saturation.py IMAGE [MODEL ...] [--row 512] [--col 512] [--size 512] [--cpu Haswell]

Needs qemu's user mode (`apt-get install qemu-user`). Of a window of IMAGE the share of pixels that get another class
than on this processor, which must not saturate: in integers, and as Smalti computes there, in floats.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from smalti.raster.read import open_raster
from smalti.runtime import onnx
from smalti.runtime.models import find_model, verify
from smalti.text import aligned
from smalti.tiling import Window

MODELS = ("landcover", "landcover_fast")


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
        answer(*options.answer, options.models)
        return
    if onnx.saturates() or (emulator := shutil.which("qemu-x86_64")) is None:
        parser.error("needs qemu-x86_64, and a processor that does not saturate")
    with tempfile.TemporaryDirectory() as folder:
        with open_raster(options.image) as image:
            pixels, _ = image.read(Window(options.row, options.col, options.size, options.size))
        np.save(f"{folder}/image.npy", pixels[None, :3])
        answer("here", folder, options.models)
        there = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        for how in ("integers", "smalti"):
            command = [emulator, "-cpu", options.cpu, os.path.realpath(sys.executable), __file__, options.image]
            subprocess.run(
                [*command, *options.models, "--answer", how, folder], env=there, check=True, stderr=subprocess.DEVNULL
            )
        rows = [("model", "in integers", "as Smalti computes")]
        for model in options.models:
            own, *others = (np.load(f"{folder}/{how}_{model}.npy") for how in ("here", "integers", "smalti"))
            rows.append((model, *(f"{(other != own).mean():.2%}" for other in others)))
    print("\n".join(aligned(rows)))


def answer(how: str, folder: str, models: list[str]) -> None:
    """Stores the classes of the window by each model; `integers` takes them as this processor computes them."""
    if how == "integers":
        onnx.saturates = lambda: False
    image = np.load(f"{folder}/image.npy")
    for model in models:
        (found, *_) = onnx.OnnxPredictor(verify(find_model(model)))(image).values()
        np.save(Path(folder) / f"{how}_{model}.npy", found.argmax(axis=1).astype(np.uint8))


if __name__ == "__main__":
    main()
