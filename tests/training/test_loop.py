from pathlib import Path

import pytest
import torch

from smalti.errors import SmaltiError
from smalti.training.checkpoint import load_checkpoint, load_state
from smalti.training.loop import Training, begin
from smalti.training.prepare import open_split
from smalti.training.recipe import read_recipe
from tests.training.tiny import write_tiny


def start(recipe_path: Path, folder: Path, *changes: str) -> Training:
    recipe = read_recipe(recipe_path, changes)
    card = recipe.make_card("tiny.toml")
    split = open_split(recipe, card)
    return begin(recipe, card, split.train, split.validation, folder)


class KilledError(Exception):
    pass


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_killed_training_ends_with_the_same_bytes(tmp_path: Path, steps: int) -> None:
    recipe = write_tiny(tmp_path)
    start(recipe, tmp_path / "whole").run(lambda text: None)

    killed = start(recipe, tmp_path / "killed")

    def kill(text: str) -> None:
        if killed.progress.step == steps + 1:
            raise KilledError

    with pytest.raises(KilledError):
        killed.run(kill)
    resumed = start(recipe, tmp_path / "killed", "train.workers=2")
    assert resumed.progress.step == steps
    resumed.run(lambda text: None)

    for part in ("best", "last"):
        name = f"{part}/model.safetensors"
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    states = [load_state(tmp_path / run / "last") for run in ("whole", "killed")]
    assert states[0] is not None and states[1] is not None
    for key in ("model", "mean"):
        assert all(torch.equal(value, states[1][key][name]) for name, value in states[0][key].items())
    card, weights = load_checkpoint(tmp_path / "whole" / "best")
    assert card.name == "tiny" and weights


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    training = start(write_tiny(tmp_path), tmp_path / "run")
    with torch.no_grad():
        next(training.model.parameters()).fill_(torch.nan)
    with pytest.raises(SmaltiError, match="the loss is nan at step 1"):
        training.run(lambda text: None)
