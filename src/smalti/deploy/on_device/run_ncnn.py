"""Runs a model with ncnn: `python run_ncnn.py MODEL.param TILES.npz OUT.npz`, in an environment with ncnn and numpy.

TILES.npz holds arrays 1,C,H,W of raw pixels, float32; OUT.npz gets the outputs of each as NNN_N, and `seconds`.
"""

import sys
import time
from pathlib import Path
from typing import Any

import ncnn
import numpy as np


def main(model: str, tiles: str, out: str) -> None:
    """Runs every tile; blobs are named in0, and out0, out1, ... in the order of the tasks."""
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param(model)
    net.load_model(str(Path(model).with_suffix(".bin")))
    found: dict[str, Any] = {}
    seconds: list[float] = []
    with np.load(tiles) as given:
        for k, name in enumerate(given.files):
            start = time.perf_counter()
            with net.create_extractor() as extractor:
                tile = np.ascontiguousarray(given[name][0])  # named, as ncnn.Mat does not keep it alive
                extractor.input("in0", ncnn.Mat(tile).clone())
                for at, output in enumerate(sorted(net.output_names())):
                    found[f"{k:03d}_{at}"] = np.array(extractor.extract(output)[1])
            seconds.append(time.perf_counter() - start)
    np.savez(out, seconds=seconds, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
