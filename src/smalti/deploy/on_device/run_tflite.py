"""Runs a model with LiteRT: `python run_tflite.py MODEL.tflite TILES.npz OUT.npz`, where ai-edge-litert is installed.

TILES.npz holds arrays 1,H,W,C of raw pixels, float32; OUT.npz gets the outputs of each as NNN_N, and `seconds`.
"""

import os
import sys
import time
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(model: str, tiles: str, out: str) -> None:
    """Runs every tile; outputs are in the order of the tasks."""
    interpreter = Interpreter(model, num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    found: dict[str, Any] = {}
    seconds: list[float] = []
    with np.load(tiles) as given:
        for k, name in enumerate(given.files):
            start = time.perf_counter()
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given[name])
            interpreter.invoke()
            for at, output in enumerate(interpreter.get_output_details()):
                found[f"{k:03d}_{at}"] = interpreter.get_tensor(output["index"])
            seconds.append(time.perf_counter() - start)
    np.savez(out, seconds=seconds, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
