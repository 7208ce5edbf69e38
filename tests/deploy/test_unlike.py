"""A model that tells what is unlike its training becomes one file that tells the same."""

from pathlib import Path

import numpy as np
import pytest
import torch

from smalti.card import UNLIKE, Card, Task, Unlike
from smalti.deploy import release
from smalti.deploy.onnx import export_model
from smalti.deploy.parity import LIMIT, SLACK, Parity, blobs
from smalti.deploy.release import export_checkpoint
from smalti.nets.build import Model, build
from smalti.runtime.models import verify
from smalti.runtime.open import open_model
from smalti.training.checkpoint import save_checkpoint
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.predict import TorchPredictor
from tests.needs import need_engine

TASK = Task(name="cover", labels=("land", "water"))
OPTIONS = {"encoder": "efficientnet_lite0", "width": 0.25}


def card() -> Card:
    plain = Card(name="n", net="ued", options=OPTIONS, tile=64, overlap=0, tasks=(TASK,))
    channels = build(plain).net.encoder.channels[-1]
    factors = tuple(np.random.default_rng(0).normal(0, 0.2, channels).round(3).tolist())
    told = Unlike(maps=factors, classes=(0.5, -0.5), entropy=1.0, confidence=-1.0, bias=0.2, threshold=0.5)
    return plain.model_copy(update={"unlike": told})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    torch.manual_seed(0)
    path, model = tmp_path_factory.mktemp("export") / "n.onnx", build(card())
    parity = export_model(model, card(), path)
    assert parity.difference < max(LIMIT, SLACK * parity.rounding)
    return path, model


@pytest.mark.slow  # writing a graph takes seconds
@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_engines_tell_what_the_network_tells(engine: str, exported: tuple[Path, Model]) -> None:
    need_engine(engine)
    path, model = exported
    assert verify(path).card == card()
    batch = blobs(card(), (2, 64, 96), np.random.default_rng(0))
    ours, theirs = TorchPredictor(model)(batch), open_model(str(path), engine)(batch)
    assert list(theirs) == ["cover", UNLIKE]
    np.testing.assert_allclose(theirs[UNLIKE], ours[UNLIKE], atol=1e-4)


def test_the_numbers_found_with_the_recipe_enter_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = card().model_copy(update={"unlike": None})
    save_checkpoint(tmp_path / "best", plain, build(plain).state_dict())
    asked: list[object] = []

    def find(model: Model, recipe: PixelRecipe, watch: object) -> Unlike | None:
        asked.append(recipe)
        return card().unlike

    def export(model: Model, found: Card, *_: object) -> Parity:
        assert found == card() and model.card == plain
        return Parity(0.0, ())

    monkeypatch.setattr(release, "find_unlike", find)
    monkeypatch.setattr(release, "export_model", export)
    recipe = PixelRecipe.model_construct()
    export_checkpoint(tmp_path / "best", tmp_path / "n.onnx", unlike=recipe)
    assert asked == [recipe]
