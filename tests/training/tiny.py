"""A dataset of a few small images and a recipe for it."""

from pathlib import Path

import numpy as np
from PIL import Image

RECIPE = """
[card]
name = "tiny"
tile = 32
overlap = 8
[[card.tasks]]
labels = ["dark", "bright"]
[net]
width = 0.25
[data]
root = "{root}"
[[data.train]]
kind = "folder"
path = ["train"]
[[data.validation]]
kind = "folder"
path = ["validation"]
[augment]
rotate = 0.5
[train]
steps = 4
batch = 2
crop = 32
epoch_steps = 2
save_every = 1
threads = 1
"""


def write_tiny(folder: Path, *, seed: int = 0) -> Path:
    """Writes images and the recipe; returns the recipe's path."""
    rng = np.random.default_rng(seed)
    for part, count in (("train", 3), ("validation", 1)):
        for number in range(count):
            truth = np.zeros((40, 48), np.uint8)
            truth[rng.integers(5, 20) :, rng.integers(5, 20) :] = 1
            pixels = (truth * 120 + 60)[..., None] + rng.integers(0, 40, (40, 48, 3))
            for kind, array in (("images", pixels.astype(np.uint8)), ("masks", truth)):
                (folder / part / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(folder / part / kind / f"{number}.png")
    recipe = folder / "tiny.toml"
    recipe.write_text(RECIPE.format(root=folder))
    return recipe
