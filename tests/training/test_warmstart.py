import shutil
from pathlib import Path

import pytest
import torch

from smalti.card import Card
from smalti.errors import ModelError
from smalti.nets.build import build
from smalti.nets.channels import find_groups
from smalti.nets.narrow import cut
from smalti.training.checkpoint import load_checkpoint, save_checkpoint
from smalti.training.loop import begin
from smalti.training.recipe import read_recipe
from smalti.training.warmstart import fill, take_shape
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
    assert "only there, not used: net.body_head." in lines[2] and " and " in lines[2] and len(lines) == 3


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


def pruned(recipe: Path, folder: Path) -> tuple[Card, int]:
    """A checkpoint of the recipe's net without every second channel; the card, and its parameters."""
    card = read_recipe(recipe).make_card("")
    model = build(card, seed=0)
    groups = find_groups(model.net, len(card.bands), 2 * card.stride)
    sizes = cut(model.net, [(group, range(0, len(group.units), 2)) for group in groups])
    card = card.model_copy(update={"narrowed": sizes})
    save_checkpoint(folder, card, model.state_dict())
    return card, sum(value.numel() for value in model.parameters())


def test_a_training_that_starts_from_a_pruned_net_keeps_its_shape(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    card, parameters = pruned(recipe, tmp_path / "pruned")
    settings = read_recipe(recipe, [f"train.start={tmp_path / 'pruned'}", "train.steps=2"])
    training = begin(settings, settings.make_card(""), tmp_path / "run")
    assert sum(value.numel() for value in training.model.parameters()) == parameters
    assert "not used" not in " ".join(training.notes)
    training.run(lambda line: None)
    shutil.rmtree(tmp_path / "pruned")  # a training that is resumed does not need it
    settings = settings.model_copy(update={"train": settings.train.model_copy(update={"steps": 3})})
    resumed = begin(settings, settings.make_card(""), tmp_path / "run", resume=True)
    resumed.run(lambda line: None)
    assert load_checkpoint(tmp_path / "run" / "last")[0].narrowed == card.narrowed


def test_another_net_does_not_take_the_shape_of_a_pruned_one(tmp_path: Path) -> None:
    recipe = write_tiny(tmp_path)
    pruned(recipe, tmp_path / "pruned")
    other = read_recipe(recipe, ["net.name=ued_bes"]).make_card("")
    assert take_shape(other, str(tmp_path / "pruned"), None) == other


def test_an_empty_start_is_none(tmp_path: Path) -> None:
    card = read_recipe(write_tiny(tmp_path)).make_card("")
    assert take_shape(card, "", None) is card
