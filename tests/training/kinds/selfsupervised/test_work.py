from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
import torch

from smalti.card import Card, Task
from smalti.deploy.release import export_checkpoint
from smalti.errors import DataError, ModelError, RecipeError
from smalti.losses.masked import hidden_cells, hidden_error
from smalti.nets.build import build
from smalti.training.loop import begin
from smalti.training.recipe import open_work, read_recipe
from tests.training.kinds.selfsupervised.tiny import write_images

BANDS = tuple(Task(name=band, kind="value") for band in ("red", "green", "blue"))


def net(**options: object):
    card = Card(name="small", net="masked", options={"encoder": "resnet18", "width": 0.125, **options}, tasks=BANDS)
    return build(card, 0)


def test_nothing_of_a_hidden_cell_is_seen() -> None:
    model = net().eval()
    images = torch.rand(2, 3, 96, 64, generator=torch.Generator().manual_seed(0)) * 255
    hidden = torch.zeros(2, 1, 3, 2)
    hidden[0, 0, 1, 1] = hidden[1, 0, 2, 0] = 1
    other = images.clone()
    other[0, :, 32:64, 32:] = 0
    other[1, :, 64:, :32] = 255
    with torch.no_grad():
        first, second, plain = model(images, hidden), model(other, hidden), model(images)
    assert list(first) == ["red", "green", "blue"] and first["red"].shape == (2, 1, 96, 64)
    assert all(torch.equal(first[band], second[band]) for band in first)
    assert not torch.equal(first["red"], plain["red"])


def test_images_of_any_size_are_predicted_at_their_size() -> None:
    assert net().eval()(torch.zeros(1, 3, 45, 70))["blue"].shape == (1, 1, 45, 70)


def test_other_tasks_than_a_value_per_band_are_refused() -> None:
    with pytest.raises(ModelError, match="predicts a value of each"):
        build(Card(name="small", net="masked", tasks=BANDS[:2]))


@pytest.mark.parametrize(("share", "count"), [(0.5, 6), (0.01, 1), (0.99, 11)])
def test_a_share_of_the_cells_is_hidden_but_never_none_or_all(share: float, count: int) -> None:
    chances = torch.rand(5, 3, 4, generator=torch.Generator().manual_seed(1))
    hidden = hidden_cells(chances, share)
    assert hidden.shape == (5, 1, 3, 4) and (hidden.sum((1, 2, 3)) == count).all()
    assert ((hidden == 0) | (hidden == 1)).all()


def test_only_hidden_pixels_count() -> None:
    predicted = torch.zeros(1, 3, 2, 2, requires_grad=True)
    pixels = torch.tensor([[1.0, 2.0], [100.0, 100.0]]).expand(1, 3, 2, 2)
    counted = torch.tensor([[[[True, True], [False, False]]]])
    assert hidden_error(predicted, pixels, counted).item() == pytest.approx(1.5)
    nothing = hidden_error(predicted, pixels, torch.zeros_like(counted))
    nothing.backward()
    assert nothing.item() == 0 and not predicted.grad.any()


def test_batches_depend_on_the_seed_and_their_number_alone(tmp_path: Path) -> None:
    recipe = read_recipe(write_images(tmp_path))
    work = open_work(recipe, recipe.make_card("tiny.toml"))
    with closing(work.batches(0)) as whole, closing(work.batches(2)) as rest:
        first, second, third = islice(whole, 3)
        again = next(rest)
    assert torch.equal(third["image"], again["image"]) and torch.equal(third["chances"], again["chances"])
    assert not torch.equal(first["chances"], second["chances"])


@pytest.mark.slow
def test_hidden_pixels_of_unseen_images_are_inferred_from_the_visible_ones(tmp_path: Path) -> None:
    changes = ["train.batch=8", "net.encoder=resnet18", "net.width=0.125"]
    recipe = read_recipe(write_images(tmp_path, 24, 8), changes)
    work = open_work(recipe, recipe.make_card("tiny.toml"))
    optimizer = torch.optim.AdamW(work.model.parameters(), 3e-3)
    with closing(work.batches(0)) as batches:
        for batch in islice(batches, 70):
            work.model.train()
            optimizer.zero_grad()
            torch.stack(list(work.terms(work.model, batch).values())).sum().backward()
            optimizer.step()
    assert work.validate(work.model)["explained"] > 0.2  # the mean of all pixels has 0


class KilledError(Exception):
    pass


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    recipe = read_recipe(write_images(tmp_path))
    card = recipe.make_card("tiny.toml")
    begin(recipe, card, tmp_path / "whole").run(lambda text: None)
    killed = begin(recipe, card, tmp_path / "parts")

    def kill(text: str) -> None:
        if killed.progress.step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        killed.run(kill)
    resumed = begin(recipe, card, tmp_path / "parts")
    assert resumed.progress.step == 2
    resumed.run(lambda text: None)
    for part in ("best", "last"):
        first, second = (tmp_path / run / part / "model.safetensors" for run in ("whole", "parts"))
        assert first.read_bytes() == second.read_bytes()


def test_what_predicts_hidden_pixels_is_not_exported_as_a_model_of_maps(tmp_path: Path) -> None:
    recipe = read_recipe(write_images(tmp_path), ("train.steps=1", "train.epoch_steps=1"))
    begin(recipe, recipe.make_card("tiny.toml"), tmp_path / "run").run(lambda text: None)
    with pytest.raises(ModelError, match=r"best: was trained without labels and makes no map; train one that starts"):
        export_checkpoint(tmp_path / "run" / "best", tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.crop=80", "train.crop: .*multiple of 32"),
        ("mask.cell=48", "mask.cell: .*multiple of 32"),
        ("mask.cell=64", "train.crop 64 must be a multiple of mask.cell 64, at least two cells"),
        ("mask.share=1", "mask.share: input should be less than 1"),
        ("augment.mix=classmix", "classmix needs classes"),
        ("train.batch=1", "batch norms need two"),
        ("net.name=ued", "unknown key net.name"),
    ],
)
def test_a_wrong_recipe_is_one_line(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe(write_images(tmp_path), ["augment.preset=heavy", change])
    assert "\n" not in str(caught.value)


def test_images_must_exist_and_be_apart(tmp_path: Path) -> None:
    path = write_images(tmp_path)
    for change, message in (
        ('data.train.0.path=["nowhere"]', "no such file or folder"),
        ('data.train.0.path=["validation"]', "split by place"),
        ("net.encoder_weights=none.pth", "no such file"),
    ):
        recipe = read_recipe(path, [change])
        with pytest.raises((DataError, RecipeError), match=message):
            open_work(recipe, recipe.make_card("tiny.toml"))
