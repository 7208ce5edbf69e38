"""The tool that draws the gates of adaptive feature aggregation."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from smalti.card import Card, Task
from smalti.errors import ModelError
from smalti.nets.build import build

TOOL = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "gates.py"))
TASKS = (Task(name="cover", labels=("a", "b")), Task(name="height", kind="value"), Task(name="age", kind="image_value"))


def model(sharing: str, **options: object):
    torch.manual_seed(0)
    options = {"encoder": "resnet18", "width": 0.125, "sharing": sharing, **options}
    return build(Card(name="small", net="multitask", options=options, tasks=TASKS)).eval()


def test_every_task_is_seen_listening_to_every_other_one() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 64, 96), np.uint8)
    found = TOOL["listen"](model("afa", gate="both", stages=[0, 2]), pixels)
    pairs = {(each.stage, each.kind, each.task, each.other) for each in found}
    assert len(found) == len(pairs) == 2 * 2 * 6  # stages, gates, ordered pairs of three tasks
    assert {stage for stage, *_ in pairs} == {0, 2}
    for each in found:
        assert each.shares.mean() == pytest.approx((1 - 0.88**0.5) / 2, abs=1e-3)  # as at the start of a training
        assert f"{each.shares.mean():.3f}" in each.row()
    picture = TOOL["draw"](pixels.transpose(1, 2, 0), found)
    assert picture.width > 6 * 96 and picture.height > 5 * 64


def test_panels_show_shares_from_nothing_to_all() -> None:
    make, panel = TOOL["Listening"], TOOL["panel"]
    places = panel(make(1, "places", "a", "b", np.array([[0, 1]], np.float32)), 4, 6)
    assert (
        places.shape == (4, 6, 3) and (places[:, :3] != places[:, 3:]).any() and len(np.unique(places[:, :3, 0])) == 1
    )
    bars = panel(make(1, "channels", "a", "b", np.array([0.1, 0.9], np.float32)), 100, 6)
    white = (bars == 255).all(2).mean(0)
    assert white[:3] == pytest.approx(0.1, abs=0.02) and white[3:] == pytest.approx(0.9, abs=0.02)  # most open first


def test_a_net_without_gates_is_refused() -> None:
    with pytest.raises(ModelError, match="has no gates"):
        TOOL["listen"](model("shared"), np.zeros((3, 64, 64), np.uint8))
