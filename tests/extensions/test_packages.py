"""Nets and datasets of other packages: registered by an entry point, or put into the dict."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import smalti as sm
from smalti.datasets.registry import DATASETS, find_dataset
from smalti.errors import DataError
from tests.tiny import tiny_card, tiny_model

PACKAGE = """
from smalti.datasets.spec import DatasetSpec, SplitSpec, listed
from smalti.raster.labels import LabelSpec

MEADOWS = DatasetSpec(
    name="meadows",
    title="Meadows of one valley",
    classes=("most red", "most green", "most blue"),
    colors=((200, 0, 0), (0, 200, 0), (0, 0, 200)),
    spec=LabelSpec(),
    images={("red", "green", "blue"): ("images/{id}.png",)},
    labels=("masks/{id}.png",),
    splits={"test": SplitSpec("test", "two images", listed("a b"))},
    pixel="1 m",
    size="90 x 100",
    licence="CC0",
    citation="none",
    url="https://example.org",
)


def make_net(task, classes, bands, width=8):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Conv2d(bands, classes, 1)

        def forward(self, x):
            return {task: self.head(x)}

    return Net()
"""
ENTRIES = """
[smalti.datasets]
meadows = meadow_package:MEADOWS

[smalti.nets]
meadow = meadow_package:make_net
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of somebody else, as an installer leaves it."""
    place = tmp_path / "site"
    about = place / "meadow_package-1.0.dist-info"
    about.mkdir(parents=True)
    (place / "meadow_package.py").write_text(PACKAGE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: meadow-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(place)
    monkeypatch.delitem(sys.modules, "meadow_package", raising=False)
    return place


def meadows(folder: Path) -> Path:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for k, name in enumerate("ab"):
        pixels = np.random.default_rng(k).integers(0, 255, (9, 10, 3), np.uint8).repeat(10, 0).repeat(10, 1)
        Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
        Image.fromarray(pixels.argmax(2).astype(np.uint8)).save(folder / "masks" / f"{name}.png")
    return folder


def test_a_dataset_of_another_package_is_scored_on(package: Path, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tiny.onnx", tiny_card())
    found = sm.evaluate(model, meadows(tmp_path / "data"), dataset="meadows:test")
    assert found.scores.miou > 0.95 and "Meadows of one valley" in str(found)


def test_a_dataset_is_registered_in_the_dict(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "fields", find_dataset("meadows"))
    model = tiny_model(tmp_path / "tiny.onnx", tiny_card())
    assert sm.evaluate(model, meadows(tmp_path / "data"), dataset="fields:test").scores.miou > 0.95


def test_what_nobody_registered_is_unknown(package: Path) -> None:
    with pytest.raises(DataError, match="there is no dataset 'deserts'") as unknown:
        find_dataset("deserts")
    assert unknown.value.value == "deserts"


def test_a_net_of_another_package_is_built_by_its_card(package: Path) -> None:
    torch = pytest.importorskip("torch")
    from smalti.nets.build import NETS, build

    card = tiny_card(net="meadow", options={"width": 4})
    answer = build(card)(torch.zeros(1, 3, 32, 32))
    assert answer["landcover"].shape == (1, 3, 32, 32) and "meadow" not in NETS
