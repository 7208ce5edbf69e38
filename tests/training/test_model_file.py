"""Trainings that start from an exported model file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from smalti.card import Card, Origin, Task
from smalti.deploy import parity
from smalti.deploy.onnx import export_model
from smalti.deploy.packing import packed
from smalti.errors import ModelError, RecipeError
from smalti.nets.build import Model, build
from smalti.nets.multitask.values import begin_values
from smalti.runtime.graph import Graph, Node
from smalti.runtime.models import find_model, sealed, verify
from smalti.runtime.open import open_model
from smalti.synth import draw
from smalti.tiling import Window
from smalti.training.loop import begin
from smalti.training.model_file import ModelWeights
from smalti.training.recipe import read_recipe
from smalti.training.warmstart import fill, open_start
from tests.training.tiny import write_tiny

CLASSES = Task(name="classes", labels=("a", "b", "c"))
HEIGHT = Task(name="height", kind="value", unit="m", minimum=0.0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are compared with their nets on small images: nets of random weights are compared in float64, too."""
    monkeypatch.setattr(parity, "SHAPES", ((1, 64, 96), (3, 77, 45)))


def card_of(net: str, *tasks: Task, **options: object) -> Card:
    return Card(name="own", net=net, options=options, tile=64, overlap=16, tasks=tasks or (CLASSES,))


def random_images(seed: int, bands: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 255, (3, bands, 64, 96), np.uint8))


def trained(card: Card) -> Model:
    """A model whose weights and statistics are all different, as after a training."""
    model = build(card, 0)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights) * 0.02)
        model.train()(random_images(0))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.5
    begin_values(model, "height", torch.tensor([2.0, 5.0]))
    with torch.no_grad():
        for seed in range(6):
            model(random_images(seed))
    return model.eval()


def exported(folder: Path, card: Card) -> tuple[Model, Path]:
    model = trained(card)
    path = folder / f"{card.net}.onnx"
    export_model(model, card, path)
    return model, path


def restored(path: Path) -> Model:
    """The net of a file, with all weights that the file holds."""
    weights = ModelWeights(verify(path))
    model = build(weights.card, 7)
    left = model.load_state_dict(weights.unfolded(random_images(1)), strict=False)
    assert not left.unexpected_keys and all(name.startswith("net.aux_head") for name in left.missing_keys)
    return model.eval()


def close(one: torch.Tensor, other: torch.Tensor, share: float) -> bool:
    return float((one - other).abs().max()) < share * float(other.std())


@pytest.mark.slow  # each writes a graph
@pytest.mark.parametrize(
    ("card", "steady"),
    [
        (card_of("ued", width=0.25), True),
        (card_of("multitask", CLASSES, HEIGHT), True),
        (card_of("segformer"), False),  # drops layers by chance in training mode
        (card_of("bisenetv2"), False),  # the others have norms that are not folded, and keep their statistics
        (card_of("ddrnet23_slim"), False),
        (card_of("resunet"), False),
    ],
    ids=lambda value: value.net if isinstance(value, Card) else "",
)
def test_weights_return_from_a_file(tmp_path: Path, card: Card, steady: bool) -> None:
    model, path = exported(tmp_path, card)
    found, image = restored(path), random_images(9)
    with torch.no_grad():
        before, after = model(image), found(image)
        assert all(close(after[task.name], before[task.name], 1e-3) for task in card.tasks)
        if steady:  # on the images that the norms have their statistics of, training mode makes no difference
            own = random_images(1)
            before, after = model(own), found.train()(own)
            assert all(close(after[task.name], before[task.name], 1e-2) for task in card.tasks)


@pytest.mark.slow
def test_a_net_whose_weights_are_computed_with_at_export_is_refused(tmp_path: Path) -> None:
    _, path = exported(tmp_path, card_of("unetformer"))
    with pytest.raises(
        ModelError, match=r"lacks weights of the net unetformer .*preference.* give a checkpoint's folder"
    ):
        ModelWeights(verify(path))


@pytest.mark.slow
def test_packed_weights_start_a_training_with_their_own_function(tmp_path: Path) -> None:
    _, path = exported(tmp_path, card_of("multitask", CLASSES, HEIGHT))
    card, size = verify(path).card, path.stat().st_size
    content, _ = sealed(packed(path.read_bytes()), path, card)
    path.write_bytes(content)
    assert len(content) < 0.4 * size
    model = build(card, 0)
    lines = fill(model, str(path), lambda: random_images(0))
    assert lines == [f"from {path}: {len(model.state_dict())} of the net's {len(model.state_dict())} tensors copied"]
    image = random_images(3)
    with torch.no_grad():
        ours = model.eval()(image)
    theirs = open_model(str(path), threads=1)(image.numpy())
    np.testing.assert_allclose(ours["classes"].softmax(1).numpy(), theirs["classes"], atol=1e-4)
    assert close(ours["height"], torch.from_numpy(theirs["height"]), 1e-3)


@pytest.mark.parametrize("name", ["landcover", "town"])
def test_one_in_integers_starts_with_nearly_its_function(name: str) -> None:
    file = verify(find_model(name))
    model = build(file.card, 0)
    lines = fill(model, name, lambda: random_images(0))
    assert lines == [f"from {name}: {len(model.state_dict())} of the net's {len(model.state_dict())} tensors copied"]
    image = draw(Window(0, 0, 256, 256), 5).image[None]
    with torch.no_grad():
        ours = model.eval()(torch.from_numpy(image).float())["landcover"].argmax(1).numpy()
    assert (ours == open_model(name, threads=1)(image)["landcover"].argmax(1)).mean() > 0.95


def test_a_recipe_of_another_net_takes_what_fits(tmp_path: Path) -> None:
    file = verify(find_model("landcover"))
    options = {name: value for name, value in file.card.options.items() if name != "classes"}
    card = file.card.model_copy(update={"net": "ued", "options": options, "unlike": None, "tasks": (CLASSES,)})
    model = build(card, 0)
    head = model.get_parameter("net.decoder.head.2.weight").clone()
    lines = fill(model, "landcover", lambda: random_images(0))
    assert "left as initialised: net.decoder.head.2.weight" in lines[1]
    assert torch.equal(model.get_parameter("net.decoder.head.2.weight"), head)


def test_what_no_training_starts_from_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"train\.start: nothing is neither a folder nor the name of a model"):
        open_start("nothing")
    with pytest.raises(ModelError, match="no such model file"):
        open_start(str(tmp_path / "gone.onnx"))
    with pytest.raises(ModelError, match="ranks photos"):
        open_start("bestshot")


def test_a_taught_file_and_one_without_a_weight_are_refused(tmp_path: Path) -> None:
    file = verify(find_model("landcover"))
    graph = Graph.load(file.content)
    card = file.card.model_copy(update={"origin": Origin(recipe="taught from landcover")})
    path = tmp_path / "own.onnx"
    path.write_bytes(sealed(graph.with_nodes([Node.make("Relu", ["image"], "taught1.relu")]).dump(), path, card)[0])
    with pytest.raises(ModelError, match=r"was taught from landcover; .*: give the parent"):
        open_start(str(path))
    changed = file.content.replace(b"model.net.decoder.head.2.weight", b"model.net.decoder.head.2.quant_")
    path.write_bytes(sealed(changed, path)[0])
    with pytest.raises(ModelError, match=r"lacks weights .*\(net\.decoder\.head\.2\.weight\)"):
        open_start(str(path))


def test_weights_take_the_norms_of_others_and_compute_the_same(tmp_path: Path) -> None:
    card = card_of("ued", width=0.25)
    model, path = exported(tmp_path, card)
    other = trained(card)
    like = {name: value.clone() for name, value in other.state_dict().items()}
    found = ModelWeights(verify(path)).with_norms_of(like)
    left = other.load_state_dict(found)
    assert not left.missing_keys and not left.unexpected_keys
    assert all(torch.equal(found[name], like[name]) for name in found if name.endswith("running_var"))
    images = random_images(3)
    with torch.no_grad():
        assert close(other(images)["classes"], model(images)["classes"], 1e-4)
    with pytest.raises(ModelError, match=r"ued\.onnx: is of another net"):
        ModelWeights(verify(path)).with_norms_of(build(card_of("ued", width=0.5), 0).state_dict())


def test_images_of_other_bands_are_refused() -> None:
    weights = ModelWeights(verify(find_model("landcover")))
    with pytest.raises(ModelError, match=r"takes 3 bands \(red, green, blue\), the training has 4"):
        weights.unfolded(random_images(0, bands=4))


def test_a_start_that_does_not_exist_is_refused_before_data_are_read(tmp_path: Path) -> None:
    recipe = read_recipe(write_tiny(tmp_path), ["train.start=nothing", f"data.root={tmp_path / 'gone'}"])
    with pytest.raises(RecipeError, match=r"train\.start: nothing"):
        begin(recipe, recipe.make_card(""), tmp_path / "run")


def test_a_training_starts_from_a_model_by_name(tmp_path: Path) -> None:
    file = verify(find_model("landcover"))
    net = [f"net.name={file.card.net}", "net.width=1.0"]
    recipe = read_recipe(write_tiny(tmp_path), [*net, "train.start=landcover"])
    training = begin(recipe, recipe.make_card(""), tmp_path / "run")
    assert training.notes[0].startswith("from landcover: ")
