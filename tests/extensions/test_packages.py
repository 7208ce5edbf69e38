"""What other packages bring: registered by an entry point, or put into the dict. See docs/how-to/extend.md."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import smalti as sm
from smalti.datasets.registry import DATASETS, find_dataset
from smalti.errors import DataError, ExtensionError, ModelError, OptionError, RecipeError
from smalti.extensions import find_extension
from tests.tiny import tiny_card, tiny_model

PACKAGE = """
from smalti.datasets.spec import DatasetSpec, SplitSpec, listed
from smalti.raster.labels import LabelSpec

MEADOWS = DatasetSpec(
    name="meadows",
    title="Meadows of one valley",
    classes=("most red", "most green", "most blue"),
    colors=("#C80000", "#00C800", "#0000C8"),
    spec=LabelSpec(),
    images={("red", "green", "blue"): ("images/{id}.png",)},
    labels=("masks/{id}.png",),
    splits={"test": SplitSpec("test", "two images", listed("a b"))},
    pixel="1 m",
    size="90 x 100",
    licence="CC0",
    citation="none",
    url="https://example.org",
)


def make_net(task, classes, bands, width=8):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Conv2d(bands, classes, 1)

        def forward(self, x):
            return {task: self.head(x)}

    return Net()


def make_narrow(task, classes, bands):
    import torch

    class Narrow(torch.nn.Module):
        def forward(self, x):
            return {task: x[..., ::2]}

    return Narrow()


def make_broken(task, classes, bands):
    import torch

    return torch.nn.Conv2d(bands + 1, classes, 1)


def make_nothing(task, classes, bands):
    return None


def start(model, threads):
    import numpy as np

    def infer(batch):
        assert batch.dtype == np.float32 and threads
        order = batch.argmax(1)[:, None] == np.arange(batch.shape[1])[:, None, None]
        return {"landcover": order.astype(np.float32)}

    return infer


def start_double(model, threads):
    infer = start(model, threads)
    return lambda batch: {name: values.astype("float64") for name, values in infer(batch).items()}


def start_nothing(model, threads):
    return None
"""
TRAINED = """
from dataclasses import replace

from smalti.data.pixels.extension import Augmentation
from smalti.losses import Term, ValueTerm


class Ghost(Term):
    floor: float = 0.5

    def __call__(self, outputs, labels, task):
        return (outputs[task].float().softmax(1).amax(1) - self.floor).mean()


class Flat(Term):
    def __call__(self, outputs, labels, task):
        return outputs[task].float().mean((0, 2, 3))


class Silent(Term):
    pass


class Bias(ValueTerm):
    def __call__(self, prediction, truth):
        return (prediction - truth).mean() ** 2


class Fog(Augmentation):
    most: float = 1.0

    def __call__(self, patch, rng):
        return replace(patch, image=patch.image + patch.image.dtype.type(rng.uniform(0, self.most)))


class Halved(Augmentation):
    def __call__(self, patch, rng):
        return replace(patch, image=patch.image[::2])
"""
ENTRIES = """
[smalti.datasets]
meadows = meadow_package:MEADOWS
functions = meadow_package:make_net

[smalti.nets]
meadow = meadow_package:make_net
narrow = meadow_package:make_narrow
broken = meadow_package:make_broken
nothing = meadow_package:make_nothing
gone = meadow_package.sub:make_net

[smalti.losses]
ghost = meadow_training:Ghost
flat = meadow_training:Flat
silent = meadow_training:Silent
bias = meadow_training:Bias

[smalti.augmentations]
fog = meadow_training:Fog
halved = meadow_training:Halved

[smalti.engines]
brightest = meadow_package:start
double = meadow_package:start_double
nothing = meadow_package:start_nothing
number = meadow_package:MEADOWS
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of somebody else, as an installer leaves it."""
    place = tmp_path / "site"
    about = place / "meadow_package-1.0.dist-info"
    about.mkdir(parents=True)
    (place / "meadow_package.py").write_text(PACKAGE)
    (place / "meadow_training.py").write_text(TRAINED)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: meadow-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(place)
    for module in ("meadow_package", "meadow_training"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return place


def meadows(folder: Path) -> Path:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for k, name in enumerate("ab"):
        pixels = np.random.default_rng(k).integers(0, 255, (9, 10, 3), np.uint8).repeat(10, 0).repeat(10, 1)
        Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
        Image.fromarray(pixels.argmax(2).astype(np.uint8)).save(folder / "masks" / f"{name}.png")
    return folder


def test_a_dataset_of_another_package_is_scored_on(package: Path, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tiny.onnx", tiny_card())
    found = sm.evaluate(model, meadows(tmp_path / "data"), dataset="meadows:test")
    assert found.scores.miou > 0.95 and "Meadows of one valley" in str(found)


def test_a_dataset_is_registered_in_the_dict(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "fields", find_dataset("meadows"))
    model = tiny_model(tmp_path / "tiny.onnx", tiny_card())
    assert sm.evaluate(model, meadows(tmp_path / "data"), dataset="fields:test").scores.miou > 0.95


def test_what_nobody_registered_is_unknown(package: Path) -> None:
    nobody = "no installed package registers it as an entry point of smalti.datasets"
    with pytest.raises(DataError, match=f"there is no dataset 'deserts'.*; {nobody}") as unknown:
        find_dataset("deserts")
    assert unknown.value.value == "deserts"


def test_what_is_no_dataset_is_refused(package: Path) -> None:
    with pytest.raises(
        ExtensionError, match=r"smalti.datasets: 'functions' is <function make_net.*; expected a smalti"
    ):
        find_dataset("functions")


def test_a_module_that_cannot_be_imported_is_told_with_its_package(package: Path) -> None:
    why = (
        "'gone' of package meadow-package cannot be imported: ModuleNotFoundError: No module named 'meadow_package.sub'"
    )
    with pytest.raises(ExtensionError, match=why):
        find_extension("smalti.nets", "gone")


def test_a_name_of_two_packages_is_refused(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "other" / "steppe-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: steppe\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[smalti.nets]\nmeadow = steppe:make_net\n")
    monkeypatch.syspath_prepend(about.parent)
    with pytest.raises(
        ExtensionError, match="'meadow' is registered by meadow-package and steppe; uninstall all but one"
    ):
        find_extension("smalti.nets", "meadow")


def test_nothing_is_loaded_unless_it_is_named(package: Path, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tiny.onnx", tiny_card())
    sm.open_model(model)
    find_dataset("vaihingen")
    assert not {"meadow_package", "meadow_training"} & sys.modules.keys()


def test_an_engine_of_another_package_runs_a_model(package: Path, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tiny.onnx", tiny_card())
    image = np.random.default_rng(3).integers(0, 255, (70, 90, 3), np.uint8)
    own, plain = (sm.predict(image, sm.open_model(model, engine)) for engine in ("brightest", "onnx"))
    np.testing.assert_array_equal(own.classes, plain.classes)


@pytest.mark.parametrize(
    ("engine", "kind", "message"),
    [
        (
            "tpu",
            OptionError,
            "engine is 'tpu'; expected one of auto, onnx, openvino: no installed package registers it",
        ),
        ("number", ExtensionError, "'number' is DatasetSpec.*; expected a function"),
        ("nothing", ExtensionError, "'nothing' starts None; expected a function of a batch"),
        (
            "double",
            ExtensionError,
            r"'double' gave float64 \(1, 3, 64, 64\) for task 'landcover'; expected float32 \(1, 3",
        ),
    ],
)
def test_an_engine_that_is_none_is_refused(
    package: Path, tmp_path: Path, engine: str, kind: type[Exception], message: str
) -> None:
    model = tiny_model(tmp_path / "tiny.onnx", tiny_card())
    with pytest.raises(kind, match=message):
        sm.predict(np.zeros((64, 64, 3), np.uint8), sm.open_model(model, engine))


def test_the_command_line_refuses_an_engine_before_it_looks_at_a_scene() -> None:
    from click.testing import CliRunner

    from smalti.cli.map import command

    done = CliRunner().invoke(command, ["no.tif", "-o", "map.tif", "--engine", "tpu"])
    assert done.exit_code == 2 and "engine is 'tpu'" in done.output


def test_a_net_of_another_package_is_built_by_its_card(package: Path) -> None:
    torch = pytest.importorskip("torch")
    from smalti.nets.build import NETS, build

    card = tiny_card(net="meadow", options={"width": 4})
    answer = build(card)(torch.zeros(1, 3, 32, 32))
    assert answer["landcover"].shape == (1, 3, 32, 32) and "meadow" not in NETS


@pytest.mark.parametrize(
    ("net", "kind", "message"),
    [
        (
            "prairie",
            ModelError,
            "unknown net 'prairie'.*no installed package registers it as an entry point of smalti.nets",
        ),
        ("nothing", ExtensionError, "'nothing' makes None; expected a torch.nn.Module"),
        (
            "narrow",
            ExtensionError,
            r"gives torch.float32 of shape \(1, 3, 64, 32\) for 'landcover'; expected floats of shape \(1, 3, 64",
        ),
        ("broken", ExtensionError, "'broken' fails: RuntimeError: .*; repair or update the package that registers it"),
    ],
)
def test_a_net_that_is_none_is_refused(package: Path, net: str, kind: type[Exception], message: str) -> None:
    pytest.importorskip("torch")
    from smalti.nets.build import build

    with pytest.raises(kind, match=message):
        build(tiny_card(net=net))


RECIPE = """
[card]
name = "own"
tile = 64
overlap = 16

[[card.tasks]]
labels = ["a", "b"]

[[data.train]]
path = ["mine"]

[[data.validation]]
path = ["other"]
"""


def read(folder: Path, *changes: str) -> Any:
    pytest.importorskip("torch")
    from smalti.training.recipe import read_recipe

    (folder / "own.toml").write_text(RECIPE)
    return read_recipe(folder / "own.toml", changes)


def test_a_loss_of_another_package_is_a_key_of_the_recipe(package: Path, tmp_path: Path) -> None:
    import torch

    from smalti.losses import make_loss

    recipe = read(tmp_path, "loss={cross_entropy=1, ghost={weight=2, floor=0.25}}")
    loss = make_loss(recipe.loss, recipe.make_card("").tasks[0])
    logits = torch.zeros(1, 2, 4, 4)
    terms = loss({"classes": logits}, {"classes": torch.zeros(1, 4, 4, dtype=torch.int64)}, torch.ones(1, 4, 4) > 0)
    assert list(terms) == ["cross_entropy", "ghost"] and terms["ghost"].item() == pytest.approx(0.5)
    again = type(recipe).model_validate_json(recipe.model_dump_json())
    assert again == recipe and again.loss.terms()["ghost"].weight == 2  # a training that resumes is told so


def test_a_loss_is_registered_in_the_dict(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from smalti.losses import LOSSES

    monkeypatch.setitem(LOSSES, "spectre", find_extension("smalti.losses", "ghost"))
    assert "spectre" in read(tmp_path, "loss={spectre=1}").loss.terms()


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (
            "loss={spook=1}",
            RecipeError,
            "unknown key loss.spook; did you mean .* No installed package .* smalti.losses",
        ),
        ("loss={ghost={flor=1}}", RecipeError, r"unknown key loss.ghost.flor; did you mean floor\?"),
        ("loss={ghost='x'}", RecipeError, "loss.ghost: expected a weight or a table"),
        (
            "loss={bias=1}",
            ExtensionError,
            "'bias' is <class 'meadow_training.Bias'>; expected a subclass of smalti.losses",
        ),
        (
            "loss={silent=1}",
            ExtensionError,
            "'silent' is .*; expected a subclass of smalti.losses.term.Term that can be",
        ),
        *(
            (f"loss={{{key}=1}}", RecipeError, f"unknown key loss.{key}")
            for key in ("__class__", "_own", "terms", "find")
        ),
        ("augment={mist=1}", RecipeError, "unknown key augment.mist; did you mean .* smalti.augmentations"),
        ("augment={fog={mst=1}}", RecipeError, r"unknown key augment.fog.mst; did you mean most\?"),
    ],
)
def test_a_key_that_is_none_is_refused_by_name(
    package: Path, tmp_path: Path, change: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        read(tmp_path, change)


def test_a_loss_that_is_no_number_is_refused(package: Path) -> None:
    torch = pytest.importorskip("torch")
    from smalti.card import Task
    from smalti.losses import LossSettings, make_loss

    loss = make_loss(LossSettings.model_validate({"flat": 1}), Task(name="t", labels=("a", "b")))
    with pytest.raises(
        ExtensionError, match=r"'flat' gave torch.float32 of shape \(2,\) on cpu; expected a tensor that is one number"
    ):
        loss({"t": torch.zeros(1, 2, 4, 4)}, {"t": torch.zeros(1, 4, 4, dtype=torch.int64)}, torch.ones(1, 4, 4) > 0)


def test_a_loss_of_values_is_told_from_one_of_classes(package: Path) -> None:
    torch = pytest.importorskip("torch")
    from smalti.card import Task
    from smalti.losses import ValueLoss, ValueLossSettings

    loss = ValueLoss(ValueLossSettings.model_validate({"bias": 0.5}), Task(name="h", kind="value"))
    terms = loss({"h": torch.full((1, 1, 4, 4), 3.0)}, {"h": torch.ones(1, 4, 4)}, torch.ones(1, 4, 4) > 0)
    assert terms["bias"].item() == 2.0


def windows(settings: dict[str, object], chance: int = 0) -> Any:
    pytest.importorskip("torch")
    from smalti.data.pixels.augment import Augment, augmented, choose_view
    from smalti.data.pixels.sample import Patch

    augment = Augment.model_validate({"preset": "none"} | settings)
    card, rng = tiny_card(), np.random.default_rng(chance)
    image, labels = np.full((32, 32, 3), 250, np.uint8), np.zeros((32, 32), np.uint8)
    patch = Patch(image, {"landcover": labels}, np.arange(32 * 32).reshape(32, 32) > 5)
    return augmented(patch, choose_view(augment, 32, rng), augment, card, card.tasks, rng)


def test_an_augmentation_of_another_package_changes_windows(package: Path) -> None:
    foggy = windows({"fog": {"most": 200.0}}).image
    assert foggy.max() == 255 and foggy[0, 0].max() == 0  # bytes stay bytes, and what is not valid stays zero
    np.testing.assert_array_equal(foggy, windows({"fog": {"most": 200.0}}).image)
    changed = [windows({"fog": {"chance": 0.25, "most": 4.0}}, k).image.max() > 250 for k in range(100)]
    assert 10 < sum(changed) < 40


def test_an_augmentation_of_another_package_changes_whole_images(package: Path) -> None:
    pytest.importorskip("torch")
    from smalti.data.images.augment import ImageAugment, change_light

    image = np.full((8, 9, 3), 100, np.uint8)
    foggy = change_light(image, ImageAugment.model_validate({"fog": {"most": 50.0}}), np.random.default_rng(0))
    assert foggy.dtype == np.uint8 and 100 < foggy.max() == foggy.min()


def test_an_augmentation_of_another_shape_is_refused(package: Path) -> None:
    expected = r"'halved' gave float32 \(16, 32, 3\) for image; expected float32 \(32, 32, 3\)"
    with pytest.raises(ExtensionError, match=expected):
        windows({"halved": 1})
