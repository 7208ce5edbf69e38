"""Pre-training as a person runs it: to its end, again, and its encoder into another training."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from smalti.cli import main
from smalti.errors import ModelError
from smalti.nets.build import build
from smalti.training.checkpoint import load_checkpoint
from smalti.training.encoder import encoder_of
from smalti.training.loop import begin
from smalti.training.recipe import read_recipe
from tests.data.images.tiny import write_class_folders
from tests.training.kinds.selfsupervised.tiny import write_images
from tests.training.tiny import write_tiny

RECIPE = """
kind = "images"
[card]
name = "tiny"
tile = 32
[[card.tasks]]
kind = "image_classes"
[net]
name = "classifier"
encoder = "{encoder}"
width = 0.25
[data]
root = "{root}"
resize = 36
[[data.train]]
kind = "class_folders"
path = "train"
[[data.validation]]
kind = "class_folders"
path = "val"
[train]
steps = 2
batch = 4
epoch_steps = 2
threads = 1
accelerator = "cpu"
"""
Leave = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own


def write_recipe(folder: Path, encoder: str = "ghostnet") -> Path:
    write_class_folders(folder / "train", 2)
    write_class_folders(folder / "val", 1, seed=50)
    path = folder / "tiny.toml"
    path.write_text(RECIPE.format(root=folder, encoder=encoder))
    return path


@pytest.fixture
def leave(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Leave:
    """Runs `smalti pretrain ARGUMENTS...` to its end: exit code, stdout, stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["smalti", "pretrain", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return run


def test_its_encoder_starts_another_training_with_every_key(tmp_path: Path, leave: Leave) -> None:
    recipe = write_recipe(tmp_path)
    code, out, _ = leave(recipe, "--out", tmp_path / "run")
    assert code == 0 and "top-1, %" in out and "top-5, %" in out and "encoder_weights = " in out
    file = tmp_path / "run" / "encoder.safetensors"
    written = file.read_bytes()
    other = read_recipe(write_tiny(tmp_path / "map"), [f"net.encoder_weights={file}", "net.encoder=ghostnet"])
    model = begin(other, other.make_card(""), tmp_path / "map" / "run").work.model
    weights, own = load_file(file), encoder_of(model, "").state_dict()
    assert {f"encoder.{name}" for name in own} == weights.keys()
    _, best = load_checkpoint(tmp_path / "run" / "best")
    for name, value in own.items():
        assert torch.equal(value, weights[f"encoder.{name}"]) and torch.equal(value, best[f"net.encoder.{name}"])

    code, out, _ = leave(recipe, "--out", tmp_path / "run")  # the same command again
    assert (
        code == 0 and "is already finished; scoring" in out and "resuming" not in out and file.read_bytes() == written
    )


@pytest.mark.parametrize("encoder", ["mobilenetv2", "resnet18", "resnet50"])
def test_every_encoder_is_taken_back(tmp_path: Path, encoder: str) -> None:
    from smalti.training.checkpoint import save_checkpoint
    from smalti.training.pretraining import write_encoder

    recipe = read_recipe(write_recipe(tmp_path, encoder))
    card = recipe.make_card("")
    save_checkpoint(tmp_path / "run" / "best", card, build(card).state_dict())
    file = write_encoder(recipe, "tiny.toml", tmp_path / "run")
    changes = [f"net.encoder_weights={file}", f"net.encoder={encoder}"]
    other = read_recipe(write_tiny(tmp_path / "map"), changes)
    model = begin(other, other.make_card(""), tmp_path / "map" / "run").work.model
    weights = load_file(file)
    assert all(torch.equal(v, weights[f"encoder.{k}"]) for k, v in encoder_of(model, "").state_dict().items())
    wrong = read_recipe(write_tiny(tmp_path / "map"), [*changes, "net.width=0.5"])
    with pytest.raises(ModelError, match="another shape"):
        begin(wrong, wrong.make_card(""), tmp_path / "map" / "run")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("net.name=multitask", "pre-training needs net.name classifier and one task of kind image_classes"),
        ("net.width=0", "net.width"),
        ("data.train.0.path=gone", "gone: cannot be listed"),
        ("net.encoder=ghostnett", "unknown encoder 'ghostnett'"),
    ],
)
def test_wrong_recipes_get_one_line(tmp_path: Path, leave: Leave, change: str, says: str) -> None:
    code, _, err = leave(write_recipe(tmp_path), "--out", tmp_path / "run", "--set", change)
    assert code == 3 and err.startswith("smalti: ") and says in err and err.count("\n") == 1


def test_a_recipe_of_another_kind_is_refused(tmp_path: Path, leave: Leave) -> None:
    code, _, err = leave(write_tiny(tmp_path))
    assert (
        code == 3 and "is a recipe of kind segmentation; pre-training needs one of kind images or selfsupervised" in err
    )


def test_an_encoder_learns_from_images_without_labels_and_starts_another_training(tmp_path: Path, leave: Leave) -> None:
    recipe = write_images(tmp_path)
    code, out, _ = leave(recipe, "--kind", "selfsupervised", "--out", tmp_path / "run")
    assert code == 0 and "hidden pixels explained" in out and "encoder_weights = " in out
    file = tmp_path / "run" / "encoder.safetensors"
    written, weights = file.read_bytes(), load_file(file)
    _, learned = load_checkpoint(tmp_path / "run" / "best")
    assert weights.keys() == {name.removeprefix("net.") for name in learned if name.startswith("net.encoder.")}
    changed = {name for name, value in weights.items() if not torch.equal(value, learned[f"net.{name}"])}
    assert {name.rpartition(".")[2] for name in changed} == {"running_mean", "running_var", "num_batches_tracked"}
    other = read_recipe(write_tiny(tmp_path / "map"), [f"net.encoder_weights={file}", "net.encoder=ghostnet"])
    model = begin(other, other.make_card(""), tmp_path / "map" / "run").work.model
    assert all(
        torch.equal(value, weights[f"encoder.{name}"]) for name, value in encoder_of(model, "").state_dict().items()
    )
    code, out, _ = leave(recipe, "--out", tmp_path / "run")  # the same command again
    assert code == 0 and "is already finished; scoring" in out and file.read_bytes() == written


def test_a_recipe_of_another_kind_than_asked_for_is_refused(tmp_path: Path, leave: Leave) -> None:
    code, _, err = leave(write_images(tmp_path), "--kind", "images", "--out", tmp_path / "run")
    assert code == 3 and "is a recipe of kind selfsupervised; --kind images needs one of kind images" in err
    assert not (tmp_path / "run").exists()
