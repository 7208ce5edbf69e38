from pathlib import Path
from typing import Any

import pytest
import torch

from smalti.errors import ModelError
from smalti.training.checkpoint import load_checkpoint, load_state, save_checkpoint, save_state
from smalti.training.recipe import read_recipe
from tests.training.tiny import write_tiny

STATE: dict[str, Any] = dict.fromkeys(("recipe", "mean", "optimizer", "random"), "") | {
    "model": {"a": torch.ones(5)},
    "progress": {},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    card = read_recipe(write_tiny(tmp_path)).make_card("tiny.toml")
    save_checkpoint(tmp_path / "made", card, {"a.weight": torch.arange(12.0).view(3, 4), "b": torch.tensor(3)})
    save_state(tmp_path / "made", STATE)
    return tmp_path / "made"


def test_what_was_saved_comes_back(folder: Path) -> None:
    card, weights = load_checkpoint(folder)
    assert card.name == "tiny" and torch.equal(weights["a.weight"], torch.arange(12.0).view(3, 4))
    state = load_state(folder)
    assert state is not None and torch.equal(state["model"]["a"], torch.ones(5))
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.safetensors", "state.pt"]


@pytest.mark.parametrize("place", [0, 9, 30, 0.5, -1])
def test_a_flipped_byte_is_refused(folder: Path, place: float) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[place if isinstance(place, int) else int(len(content) * place)] ^= 0x41
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_checkpoint(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("place", [0.3, 0.5, 0.6])
def test_a_flipped_byte_in_the_state_is_damage(folder: Path, place: float) -> None:
    save_state(folder, STATE | {"model": {"a": torch.ones(5000)}})
    path = folder / "state.pt"
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"state\.pt: is damaged .*the checksum of .* is wrong.*; remove"):
        load_state(folder)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    for name, load in (
        ("model.safetensors", load_checkpoint),
        ("card.json", load_checkpoint),
        ("state.pt", load_state),
    ):
        whole = (folder / name).read_bytes()
        for length in (0, len(whole) // 2, len(whole) - 1):
            (folder / name).write_bytes(whole[:length])
            with pytest.raises(ModelError, match=str(folder)):
                load(folder)
        (folder / name).write_bytes(whole)


def test_a_folder_that_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    with pytest.raises(ModelError, match=r"is not a checkpoint: card\.json is missing"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("other", [{"a": torch.ones(2)}, [1, 2], {**STATE, "progress": 3}])
def test_a_file_of_torch_that_is_no_state_is_refused(folder: Path, other: Any) -> None:
    torch.save(other, folder / "state.pt")
    with pytest.raises(ModelError, match=r"state\.pt: is not the state of a training; remove .* to train from scratch"):
        load_state(folder)
