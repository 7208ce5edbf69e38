"""A few small images without labels, and a recipe for them."""

from pathlib import Path

import numpy as np
from PIL import Image

RECIPE = """
kind = "selfsupervised"
[card]
name = "tiny"
scale = 1.0
mean = [120.0, 120.0, 120.0]
std = [50.0, 50.0, 50.0]
tile = 64
overlap = 8
[net]
width = 0.25
[data]
root = "{root}"
[[data.train]]
path = ["train"]
[[data.validation]]
path = ["validation"]
[augment]
preset = "none"
[optim]
lr = 3e-3
[train]
steps = 4
batch = 4
crop = 64
epoch_steps = 2
save_every = 1
threads = 1
accelerator = "cpu"
"""


def write_images(folder: Path, train: int = 6, validation: int = 3) -> Path:
    """Writes images, each of one grey with noise, and the recipe; returns the recipe's path."""
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("validation", validation)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = rng.uniform(40, 200) + rng.normal(0, 6, (96, 96, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / part / f"{number}.png")
    recipe = folder / "tiny.toml"
    recipe.write_text(RECIPE.format(root=folder))
    return recipe
