from pathlib import Path

import pytest
import torch

from smalti.errors import ModelError
from smalti.nets.build import build
from smalti.training.checkpoint import save_checkpoint
from smalti.training.recipe import read_recipe
from smalti.training.warmstart import fill
from tests.training.tiny import write_tiny


def no_images() -> torch.Tensor:
    raise AssertionError("a checkpoint needs no images")


def test_what_fits_is_filled_and_the_rest_is_named(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    old = read_recipe(recipe, ["net.name=ued_bes"]).make_card("")
    new = read_recipe(recipe, ['card.tasks.0.labels=["a", "b", "c"]']).make_card("")
    torch.manual_seed(1)
    source, target = build(old), build(new)
    save_checkpoint(tmp_path / "old", old, source.state_dict())
    head = target.net.decoder.head[-1].weight.clone()
    lines = fill(target, str(tmp_path / "old"), no_images)
    encoders = source.net.encoder.state_dict(), target.net.encoder.state_dict()
    assert all(torch.equal(value, encoders[1][name]) for name, value in encoders[0].items())
    assert torch.equal(target.net.decoder.head[-1].weight, head)
    own = len(target.state_dict())
    assert lines[0].endswith(f"{own - 1} of the net's {own} tensors copied")
    assert lines[1] == "  of another shape, left as initialised: net.decoder.head.2.weight"
    assert "in the checkpoint only, not used: net.body_head." in lines[2] and " and " in lines[2] and len(lines) == 3


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    card = read_recipe(write_tiny(tmp_path)).make_card("")
    save_checkpoint(tmp_path / "other", card, {"something": torch.zeros(3)})
    with pytest.raises(ModelError, match="none of its 1 weights fits"):
        fill(build(card), str(tmp_path / "other"), no_images)


def test_classes_in_another_order_are_reported(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    old, new = (
        read_recipe(recipe, [f"card.tasks.0.labels={names}"]).make_card("") for names in ('["a","b"]', '["a","c"]')
    )
    save_checkpoint(tmp_path / "old", old, build(old).state_dict())
    assert not any("by number" in line for line in fill(build(old), str(tmp_path / "old"), no_images))
    assert fill(build(new), str(tmp_path / "old"), no_images)[-1].endswith(
        "old: its class 1 of task classes is b, here it is c; the last layer is copied by number, so it begins as the "
        "other class's"
    )
