"""Checkpoints and recipes, which need torch."""

import json
import shutil

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from smalti.card import Card, Origin, Task
from smalti.cli.evaluate import command
from smalti.errors import DataError, LabelError, ModelError
from smalti.nets.build import build
from smalti.training.checkpoint import save_checkpoint

RECIPE = """
[card]
name = "small"
tile = 64
overlap = 16
[[card.tasks]]
name = "cover"
labels = ["dark", "light"]
[data]
root = "nowhere"
[[data.train]]
kind = "folder"
path = ["town/a"]
[[data.validation]]
kind = "folder"
path = ["town/b", "town/c"]
"""


def run(*words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """The folder of a training, and data of equal names in three places."""
    folder = tmp_path_factory.mktemp("training")
    torch.manual_seed(0)
    task = Task(name="cover", labels=("dark", "light"))
    card = Card(name="small", net="ued", tile=64, overlap=16, tasks=(task,), origin=Origin(chosen="best of three"))
    save_checkpoint(folder / "best", card, build(card).state_dict())
    (folder / "best" / "records.csv").write_text("step,loss\n1,1\n2,0.5\n")
    for place in "abc":
        for kind in ("images", "masks"):
            path = folder / "town" / place / kind / "one.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(np.full((40, 50, 3)[: 3 if kind == "images" else 2], 1, np.uint8)).save(path)
    (folder / "r.toml").write_text(RECIPE)
    return folder


def test_a_checkpoint_is_scored_on_a_folder_and_tells_how_it_was_chosen(training, tmp_path):
    output = run(training, training / "town" / "a", "--report", tmp_path / "r.html").output
    assert "chosen by: best of three" in output
    assert "<polyline" in (tmp_path / "r.html").read_text()


def test_a_recipe_names_data_and_part(training, tmp_path):
    words = ("--part", "validation", "--set", f"data.root={training}", "--json", tmp_path / "s.json")
    output = run(training / "best", training / "r.toml", *words).output
    assert "town/b, town/c, 2 images" in output and "validation of r.toml" in output
    assert [row["name"] for row in json.loads((tmp_path / "s.json").read_text())["images"]] == [
        "1: one.png",
        "2: one.png",
    ]


def test_unknown_labels_of_a_recipe_are_told_before_the_first_image_is_scored(training, tmp_path, monkeypatch):
    shutil.copytree(training / "town", tmp_path / "town")
    Image.fromarray(np.full((40, 50), 2, np.uint8)).save(tmp_path / "town" / "c" / "masks" / "one.png")
    monkeypatch.setattr("smalti.workflows.evaluate.evaluate_pairs", None)
    with pytest.raises(LabelError, match=r"c/masks/one\.png: unknown class value 2 in 2000 pixels"):
        run(training, training / "r.toml", "--part", "validation", "--set", f"data.root={tmp_path}")


def test_a_part_that_the_recipe_has_not_is_named(training):
    with pytest.raises(DataError, match=r"no data\.test"):
        run(training, training / "r.toml")


def test_what_does_not_go_together_is_wrong_usage(training):
    assert run(training, training / "town", "--set", "data.root=x").exit_code == 2
    assert run(training, training / "r.toml", "--labels", "x.toml").exit_code == 2


def test_weights_of_another_net_are_refused(training, tmp_path):
    card = Card.load((training / "best" / "card.json").read_text(), "card")
    save_checkpoint(tmp_path / "last", card.model_copy(update={"net": "ued_bes"}), build(card).state_dict())
    with pytest.raises(ModelError, match="do not match the net ued_bes"):
        run(tmp_path / "last", training / "town" / "a")
