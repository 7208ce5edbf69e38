"""A recipe of several tasks on drawn scenes, small enough for tests."""

from pathlib import Path

RECIPE = """
kind = "multitask"
[card]
name = "tiny"
tile = 64
overlap = 16
[[card.tasks]]
kind = "classes"
name = "cover"
labels = ["land", "water", "building", "vegetation", "road"]
[[card.tasks]]
kind = "value"
name = "height"
quantity = "height"
unit = "m"
[[card.tasks]]
kind = "edges"
name = "edges"
of = "cover"
[net]
encoder = "resnet18"
width = 0.125
sharing = "cross_stitch"
[data]
[[data.train]]
kind = "drawn"
seeds = [1]
size = 96
[[data.validation]]
kind = "drawn"
seeds = [2]
size = 64
[augment]
rotate = 0.5
[train]
steps = 4
batch = 2
crop = 32
epoch_steps = 2
save_every = 2
threads = 1
"""


def write_tasks(folder: Path, changed: str = RECIPE) -> Path:
    """Writes the recipe; returns its path."""
    recipe = folder / "tasks.toml"
    recipe.write_text(changed)
    return recipe
