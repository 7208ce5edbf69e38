"""Numbers by which a card tells what is unlike its training, from a recipe's data."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.data.pixels.harsh import harsh
from smalti.data.pixels.sample import Patch
from smalti.errors import DataError, ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.build import Model
from smalti.training import unlike
from smalti.training.predict import TorchPredictor
from smalti.training.recipe import read_pixels
from smalti.training.unlike import find_unlike, fit
from tests.training.kinds.pixels.test_sets import recipe

__all__ = ["recipe"]


class ByBrightness(nn.Module):
    """Class k where a pixel is about as bright as `levels[k]`; right on the images of the recipe until they change."""

    def __init__(self, levels: tuple[int, ...] = (20, 110, 200, 255)) -> None:
        super().__init__()
        self.encoder = Backbone([nn.AvgPool2d(4), nn.AvgPool2d(2), nn.AvgPool2d(2), nn.AvgPool2d(2)], (3, 3, 3, 3))
        self.levels = nn.Parameter(torch.tensor(levels)[None, :, None, None] / 255)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.encoder(x)
        return {"cover": -20 * (x.mean(1, keepdim=True) - self.levels).abs()}


def card() -> Card:
    task = Task(name="cover", labels=("land", "water", "building", "road"))
    return Card(name="sets", net="ued", mean=(0.0,) * 3, std=(1.0,) * 3, tile=32, overlap=8, tasks=(task,))


ROOFS = "data.train.0.labels.ids={0 = ['land', 'road'], 1 = 'water'}"
OTHERS = "data.validation.0.labels.ids={0 = ['land', 'road'], 1 = 'water'}"
SHORES = "data.train.1.labels.ids={1 = 'water', 2 = ['building', 'road']}"


def test_changed_windows_are_told_from_the_validation_images(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlike, "WINDOWS", 160)
    monkeypatch.setattr(unlike, "FEWEST", 4)
    steps: list[float] = []
    settings = read_pixels(recipe, (ROOFS, OTHERS, SHORES))
    found = find_unlike(Model(card(), ByBrightness()), settings, lambda *_: steps.append)
    assert len(found.maps) == 3 and len(found.classes) == 4 and 0 < found.threshold < 1
    assert sum(steps) == 160 + 4  # windows, and tiles of the one validation image
    predict = TorchPredictor(Model(card().model_copy(update={"unlike": found}), ByBrightness()))
    rng = np.random.default_rng(1)
    values: dict[bool, list[float]] = {True: [], False: []}
    for number in range(160):
        truth = rng.choice([0, 1], (4, 4)).repeat(8, 0).repeat(8, 1)
        image = (truth[..., None] * 90 + rng.integers(0, 40, (32, 32, 3))).astype(np.float32)
        patch = Patch(image, {"cover": truth.astype(np.uint8)}, np.ones((32, 32), bool))
        seen = harsh(patch, card(), rng) if number % 2 else patch
        answer = predict(seen.image.transpose(2, 0, 1)[None])
        wrong = (answer["cover"][0].argmax(0) == seen.targets["cover"]).mean() < unlike.RIGHT
        values[bool(wrong)].append(float(answer["unlike"][0, 0]))
    order = np.array(values[True])[:, None] > np.array(values[False])
    assert min(order.shape) > 5 and order.mean() > 0.75  # AUROC


def test_sources_whose_images_are_all_kept_apart_are_passed_over(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlike, "WINDOWS", 160)
    monkeypatch.setattr(unlike, "FEWEST", 4)
    settings, net = read_pixels(recipe, (ROOFS, OTHERS, SHORES)), Model(card(), ByBrightness())
    plain, found = unlike.part_scenes, find_unlike(net, settings)
    monkeypatch.setattr(unlike, "part_scenes", lambda *given: [[], *plain(*given)])
    assert find_unlike(net, settings) == found
    monkeypatch.setattr(unlike, "part_scenes", lambda *given: [[]])
    with pytest.raises(DataError, match="0 of 0 tiles of the validation images"):
        find_unlike(net, settings)


def test_a_net_that_is_never_right_has_nothing_to_learn_from(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlike, "WINDOWS", 20)
    with pytest.raises(
        DataError, match=r"unlike: \d+ of 20 windows of the training have at least 60% right pixels; 10"
    ):
        find_unlike(Model(card(), ByBrightness((900, 900, 0, 900))), read_pixels(recipe, (ROOFS, OTHERS)))


def test_a_net_without_an_encoder_is_refused(recipe: Path) -> None:
    net = ByBrightness()
    net.encoder = nn.Identity()  # type: ignore[assignment]
    with pytest.raises(ModelError, match="net ued has no encoder of its own"):
        find_unlike(Model(card(), net), read_pixels(recipe))


def test_the_regression_finds_what_matters() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(5, 3, (400, 40))  # 34 channels, 4 classes, entropy, confidence
    odds = features[:, 0] - 5 + 2 * (features[:, 35] - 5)
    wrong = rng.random(400) < 1 / (1 + np.exp(-odds))
    factors = fit(features, wrong, 4)
    assert factors.shape == (41,)
    value = features @ factors[:-1] + factors[-1]
    order = value.argsort().argsort()
    worse = order[wrong].mean() - order[~wrong].mean()
    assert worse > 130  # of 200, which would be a perfect order
    assert abs((1 / (1 + np.exp(-value))).mean() - wrong.mean()) < 0.02
    assert factors[35] > 3 * np.abs(np.delete(factors[:-1], [0, 35])).max()
