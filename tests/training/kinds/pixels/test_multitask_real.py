"""Several tasks on real images, where they are there: land cover from Dubai beside drawn heights, and rooms."""

from pathlib import Path

import numpy as np
import pytest

from smalti.data.pixels.sources import open_source
from smalti.datasets.nyuv2 import FORTY
from smalti.tiling import Window
from smalti.training.kinds.pixels.multitask import MultitaskRecipe
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.recipe import open_work, read_recipe
from tests.training.kinds.pixels.tiny_tasks import RECIPE

NET = '[net]\nencoder = "resnet18"\nwidth = 0.125\n[train]\nbatch = 4\ncrop = 64\n'


def opened(folder: Path, text: str) -> PixelWork:
    (folder / "r.toml").write_text(text)
    recipe = read_recipe(folder / "r.toml")
    work = open_work(recipe, recipe.make_card("r.toml"))
    assert isinstance(work, PixelWork)
    return work


def test_land_cover_from_dubai_and_heights_from_drawn_scenes(shared_data: Path, tmp_path: Path) -> None:
    colors = {"#8429F6": "land", "#E2A929": "water", "#3C1098": "building", "#FEDD3A": "vegetation"}
    colors |= {"#6EC1E4": "road", "#9B9B9B": "ignore", "#000000": "ignore"}
    told = ", ".join(f'"{color}" = "{name}"' for color, name in colors.items())
    tasks = RECIPE.partition("[data]")[0]
    data = f"""
[data]
root = "{shared_data}"
[[data.train]]
kind = "folder"
path = ["dubai/tile1"]
labels = {{ colors = {{ {told} }} }}
[[data.train]]
kind = "drawn"
seeds = [1]
size = 64
tasks = ["height"]
[[data.validation]]
kind = "drawn"
seeds = [2]
size = 64
[train]
batch = 4
crop = 64
"""
    work = opened(tmp_path, tasks + data)
    patches = [work.stream.patch(number) for number in range(8)]
    real = [patch for patch in patches if not patch.name.startswith("drawn")]
    assert 0 < len(real) < 8
    assert all(np.isnan(patch.targets["height"]).all() for patch in real)
    assert len(set(np.concatenate([np.unique(patch.targets["cover"]) for patch in real])) - {255}) > 1
    assert any(name.startswith("height/") for name in work.terms(work.model, work.stream.batch(0, 8)))


def rooms(shared_data: Path, number: str, folder: str) -> str:
    place = f"nyuv2/{folder}"
    return f"""
kind = "scenes"
images = ["{place}/{number}.png"]
truth = ["{place}/segm_gt_{number}.png"]
also.depth = {{ files = ["{place}/depth_gt_{number}.png"], values = {{ scale = 0.0002 }} }}
"""


@pytest.fixture
def nyuv2(shared_data: Path, tmp_path: Path) -> PixelWork:
    labels = ", ".join(f'"{name}"' for name in FORTY)
    train, validation = rooms(shared_data, "000464", "ExpNYUD_joint"), rooms(shared_data, "000433", "ExpNYUD_three")
    text = f"""
kind = "multitask"
[card]
name = "rooms"
tile = 64
overlap = 0
[[card.tasks]]
kind = "classes"
name = "classes"
labels = [{labels}]
[[card.tasks]]
kind = "value"
name = "depth"
quantity = "depth"
unit = "m"
[data]
root = "{shared_data}"
absent = ["*"]  # two rooms have few of the forty classes
[[data.train]]
{train}
[[data.validation]]
{validation}
"""
    return opened(tmp_path, text + NET)


def test_rooms_have_classes_and_depths_in_metres(nyuv2: PixelWork) -> None:
    assert isinstance(nyuv2.recipe, MultitaskRecipe)
    card = nyuv2.card
    [scene] = open_source(nyuv2.recipe.data.train[0], nyuv2.recipe.root, card, card.tasks)
    targets = scene.read_targets(Window(0, 0, 480, 640))
    depth = targets["depth"]
    assert 5.22 < np.nanmax(depth) < 5.23 and np.nanmin(depth) > 0.3  # 26142 fifths of a millimetre
    assert 0 < np.isnan(depth).mean() < 0.5
    assert {int(k) for k in np.unique(targets["classes"])} - {255} <= set(range(40))


def test_a_zoom_makes_rooms_deeper_or_flatter(nyuv2: PixelWork) -> None:
    batch = nyuv2.stream.batch(0, 8)
    depth = batch["targets"]["depth"]
    known = depth[depth.isfinite()]
    assert known.numel() > 0 and known.min() > 0.15 and known.max() < 2 * 5.23
    assert set(nyuv2.terms(nyuv2.model, batch)) == {"classes/cross_entropy", "depth/berhu"}
