"""The benchmark of all networks: its list is complete, its recipe takes each of them, its picture can be read."""

import itertools
import runpy
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from smalti.card import Card, Task
from smalti.data.pixels.scored import scored_pairs
from smalti.data.pixels.sources import FolderSource
from smalti.nets.build import NETS
from smalti.tiling import Window
from smalti.training.recipe import read_pixels

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = runpy.run_path(str(ROOT / "benchmarks" / "network_list.py"))["NETWORKS"]
MARKS = runpy.run_path(str(ROOT / "benchmarks" / "between_marks.py"))
PAGE = runpy.run_path(str(ROOT / "benchmarks" / "networks_page.py"))


def test_every_network_has_a_row_of_its_own() -> None:
    assert {network.net for network in NETWORKS} == set(NETS)
    assert len({network.key for network in NETWORKS}) == len(NETWORKS)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.key)
def test_the_recipe_takes_it_with_the_terms_that_its_heads_need(network: Any) -> None:
    recipe = read_pixels(ROOT / "recipes" / "networks.toml", network.changes())
    assert (recipe.net.name, recipe.net.encoder) == (network.net, network.encoder)
    assert bool(recipe.net.encoder_weights) == (network.start != "random")
    assert {"cross_entropy", "dice", *network.loss} == set(recipe.loss.terms())


def test_the_middle_of_an_image_is_scored_against_the_middle_of_its_labels(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "benchmarks" / "networks.py"))
    script["_middle"].__globals__["MIDDLE"] = 40
    ids = np.random.default_rng(0).integers(0, 3, (64, 50), np.uint8)
    for folder, values in (("images", np.stack([ids] * 3, axis=2) * 9), ("masks", ids)):
        (tmp_path / folder).mkdir()
        Image.fromarray(values).save(tmp_path / folder / "a.png")
    task = Task(name="t", labels=("a", "b", "c"))
    card = Card(name="m", net="n", tasks=(task,))
    [pair], _ = scored_pairs(FolderSource(path=(".",)), tmp_path, card, [task])
    middle = script["_middle"](pair, task)
    window = Window(0, 0, 40, 40)
    with closing(middle.open_image()) as image, closing(middle.truth["t"](image.grid)) as truth:
        assert (image.grid.height, image.grid.width) == (40, 40)
        np.testing.assert_array_equal(image.read(window)[0][0], 9 * ids[12:52, 5:45])
        np.testing.assert_array_equal(truth.read(window), ids[12:52, 5:45])


def row(number: int, ms: float, miou: float) -> Any:
    costs = {"parameters": 1e6, "giga": 1.0, "ms": ms, "steps": 2.0, "peak": 900.0, "machine": "m", "date": "d"}
    accuracy = {"miou": miou, "mf1": 50.0, "oa": 60.0, "drawn miou": 70.0, "machine": "m", "date": "d"}
    return PAGE["Row"](f"network {number} & more", "random", costs, accuracy)


def test_labels_lie_on_nothing_and_inside() -> None:
    random = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in random.uniform((100, 200), (800, 320), (30, 2))]
    labels = PAGE["place"](points, [f"a network of name {n}" for n in range(30)], ["#000"] * 30)
    dots = [(x, y, x, y) for x, y in points]
    boxes = [label.box for label in labels]
    assert not any(PAGE["_meet"](a, b) for a, b in itertools.combinations(boxes, 2))
    assert not any(PAGE["_meet"](box, dot) for box in boxes for dot in dots)
    assert all(box[0] >= 0 and box[1] >= 0 and box[2] <= PAGE["WIDTH"] and box[3] <= PAGE["HEIGHT"] for box in boxes)


def test_a_page_is_filled_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS['BEGIN']}\nold\n{MARKS['END']}\nafter\n")
    rows = [row(1, 90.0, 30.0), row(2, 9.0, 40.0), PAGE["Row"]("unmeasured", "random", {}, {})]
    for _ in range(2):  # again and again
        PAGE["write_page"](page, rows, ROOT / "recipes" / "networks.toml")
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert text.index("network 2") < text.index("network 1") < text.index("| unmeasured | random | - |")
    drawn = (tmp_path / "images" / "networks.svg").read_text()
    assert drawn.count("<circle") == 2 and "network 1 &amp; more" in drawn
