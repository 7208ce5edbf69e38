"""Pruning, with times that are counted instead of measured."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn

import smalti as sm
from smalti.card import Card, Score, Task
from smalti.cli import group
from smalti.deploy.onnx import ExportedNet, card_graph, clean
from smalti.deploy.prune import search
from smalti.deploy.prune.importance import importance
from smalti.deploy.prune.times import in_integers, layer_times
from smalti.errors import ExportError, ModelError, OptionError, OutputError, RasterError
from smalti.nets.build import build
from smalti.nets.channels import find_groups
from smalti.training.checkpoint import load_checkpoint, save_checkpoint
from tests.deploy.prune.counted import counted_times
from tests.tiny import tiny_card, tiny_model

TASK = Task(name="cover", labels=("a", "b", "c"))
CARD = Card(name="tiny", net="fpn", options={"width": 0.5}, tasks=(TASK,), tile=64, overlap=0)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    counted_times(monkeypatch)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    model = build(CARD, seed=0)
    origin = CARD.origin.model_copy(update={"scores": (Score(name="mIoU", value=0.5, protocol="none"),)})
    save_checkpoint(tmp_path / "whole", CARD.model_copy(update={"origin": origin}), model.state_dict())
    return tmp_path / "whole"


@pytest.mark.usefixtures("measured")
def test_a_checkpoint_becomes_as_fast_as_asked(checkpoint: Path, tmp_path: Path) -> None:
    done = sm.prune(checkpoint, tmp_path / "small", faster=2)
    assert done.before / done.after >= 2
    assert done.parameters < done.parameters_before
    card, weights = load_checkpoint(tmp_path / "small")
    model = build(card)
    model.load_state_dict(weights)
    assert sum(value.numel() for value in model.parameters()) == done.parameters
    assert card.narrowed and not card.origin.scores
    first = next(layer for layer in model.net.modules() if isinstance(layer, nn.Conv2d))
    assert first.in_channels == 3 and len(model.eval()(torch.zeros(1, 3, 64, 64))["cover"][0]) == 3
    assert not (tmp_path / "small.partial").exists()


@pytest.mark.usefixtures("measured")
def test_what_is_pruned_can_be_pruned_again(checkpoint: Path, tmp_path: Path) -> None:
    once = sm.prune(checkpoint, tmp_path / "once", faster=1.3)
    twice = sm.prune(tmp_path / "once", tmp_path / "twice", faster=1.3)
    assert twice.before == once.after and twice.parameters < once.parameters


@pytest.mark.usefixtures("measured")
def test_a_goal_out_of_reach_is_said_and_nothing_is_written(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"times as fast in 8-bit integers with a quarter of its channels, not 50"):
        sm.prune(checkpoint, tmp_path / "small", faster=50)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole"]


@pytest.mark.usefixtures("measured")
def test_the_command_tells_how_to_go_on(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "small"
    images = tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (128, 192, 3), np.uint8)).save(images)
    found = CliRunner().invoke(group, ["prune", str(checkpoint), "-o", str(out), "--images", str(images)])
    assert found.exit_code == 0, found.output
    assert "round 1: 1.00 times as fast" in found.output
    assert f"smalti train RECIPE --set train.start={out}" in found.output


def test_bad_input_is_refused_before_the_work(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already"):
        sm.prune(checkpoint, checkpoint)
    with pytest.raises(OptionError, match="faster is 1"):
        sm.prune(checkpoint, tmp_path / "small", faster=1)
    with pytest.raises(ModelError, match="no model is named"):
        sm.prune("nothing", tmp_path / "small")
    with pytest.raises(ModelError, match="ranks photos"):
        sm.prune("bestshot", tmp_path / "small")
    with pytest.raises(RasterError, match="no such file"):
        sm.prune(checkpoint, tmp_path / "small", images=[tmp_path / "none.tif"])
    with pytest.raises(ModelError, match="lacks weights"):
        sm.prune(tiny_model(tmp_path / "tiny.onnx", tiny_card(net="fpn")), tmp_path / "small")


def test_a_net_becomes_as_small_as_asked_and_not_much_smaller() -> None:
    model = build(CARD, seed=0)
    tiles = [np.random.default_rng(k).integers(0, 255, (1, 3, 64, 64), np.uint8) for k in range(2)]
    before = sum(value.numel() for value in model.parameters())
    said: list[str] = []
    done = search.prune(model, 1.5, tiles, said.append, search.BySize(model))
    after = sum(value.numel() for value in model.parameters())
    assert 1.5 <= before / after < 1.8
    assert (done.before, done.after) == (before / 1e3, after / 1e3) and "1.00 times as small" in said[0]


def test_what_predictions_do_not_depend_on_is_least_important() -> None:
    model = build(CARD, seed=0)
    groups = find_groups(model.net, 3, 64)
    at, found = next((k, one) for k, one in enumerate(groups) if ("head.1", "in") in one.places)
    head = model.net.get_submodule("head.1")
    assert isinstance(head, nn.Conv2d)
    head.weight.data[:, list(found.units[2][found.places.index(("head.1", "in"))])] = 0
    tiles = [np.random.default_rng(k).integers(0, 255, (1, 3, 64, 64), np.uint8) for k in range(3)]
    values = importance(model, groups, tiles)[at]
    assert values.argmin() == 2 and values[2] == 0 and (np.delete(values, 2) > 0).all()


def test_the_least_important_for_their_time_go_first() -> None:
    important = [np.arange(1.0, 33), np.arange(1.0, 33)]
    chosen = search._choose(important, [1.0, 10.0], [8, 8], 100)
    assert chosen == [set(), set(range(16))]
    assert search._choose(important, [1.0, 0.0], [16, 8], 100) == [set(range(16)), set()]


def test_times_of_a_real_graph_name_its_layers() -> None:
    model, tile = build(CARD, seed=0).eval(), np.random.default_rng(0).integers(0, 255, (1, 3, 64, 64), np.uint8)
    graph = search._graph(model, CARD, tile)
    [times] = layer_times([graph], CARD, tile)
    convolutions = {name for name, layer in model.net.named_modules() if isinstance(layer, nn.Conv2d)}
    assert times.layers.keys() == {name.removesuffix(".conv") for name in convolutions}
    assert 0 < sum(times.layers.values()) < times.total


def test_integers_are_made_of_one_tile() -> None:
    model = build(CARD, seed=0).eval()
    tile = np.zeros((1, 3, 64, 64), np.uint8)
    graph = clean(card_graph(ExportedNet(model, CARD).eval().float()))
    assert b"QuantizeLinear" in in_integers(graph, CARD, tile)
