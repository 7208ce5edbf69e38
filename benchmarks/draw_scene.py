"""How fast scenes are drawn on one core: `python benchmarks/draw_scene.py`. Processor time, all layers included."""

import time

import cv2
import numpy as np

from smalti.synth import CLASSES, draw
from smalti.synth.scene import cell_at, plan_at
from smalti.tiling import Window

SIDE = 2048
SEEDS = range(1, 9)


def main() -> None:
    cv2.setNumThreads(1)
    draw(Window(-9000, -9000, 512, 512), 0)  # noise and crowns are made once per process
    print(f"{'seed':>4} {'bands':>5} {'MPix/s':>7}  " + " ".join(f"{name:>10}" for name in CLASSES))
    for nir in (False, True):
        speeds = []
        for seed in SEEDS:
            cell_at.cache_clear()
            plan_at.cache_clear()
            begin = time.process_time()
            drawing = draw(Window(0, 0, SIDE, SIDE), seed, nir)
            speeds.append(SIDE**2 / 1e6 / (time.process_time() - begin))
            shares = np.bincount(drawing.classes.ravel(), minlength=len(CLASSES)) / SIDE**2
            print(f"{seed:4} {3 + nir:5} {speeds[-1]:7.2f}  " + " ".join(f"{share:10.1%}" for share in shares))
        print(f"mean {3 + nir:5} {np.mean(speeds):7.2f}")


if __name__ == "__main__":
    main()
