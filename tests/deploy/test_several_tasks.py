"""A net of several tasks becomes one file that answers all of them, of pixels and of whole images."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

from smalti.card import Card, Task
from smalti.cli import group
from smalti.deploy.onnx import export_model
from smalti.deploy.parity import LIMIT, Parity, blobs
from smalti.nets.build import Model, build
from smalti.runtime.models import verify
from smalti.runtime.open import open_model
from smalti.training.predict import TorchPredictor
from tests.needs import need_engine

pytestmark = pytest.mark.slow  # writing a graph takes seconds

TASKS = (
    Task(name="landcover", labels=("land", "water", "road")),
    Task(name="height", kind="value", unit="m", quantity="height", minimum=0.0),
    Task(name="season", kind="image_classes", labels=("summer", "winter")),
    Task(name="age", kind="image_value", unit="years"),
)
CARD = Card(
    name="town",
    net="multitask",
    options={"encoder": "resnet18", "width": 0.125, "sharing": "shared"},
    tasks=TASKS,
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model, Parity]:
    torch.manual_seed(0)
    path, model = tmp_path_factory.mktemp("export") / "town.onnx", build(CARD)
    return path, model, export_model(model, CARD, path)


def test_the_one_file_has_an_output_for_each_task(exported: tuple[Path, Model, Parity]) -> None:
    path, _, parity = exported
    assert parity.difference < LIMIT
    assert verify(path).card == CARD
    assert [file.name for file in path.parent.iterdir()] == ["town.onnx"]
    dims = {
        output.name: [dim.dim_param or dim.dim_value for dim in output.type.tensor_type.shape.dim]
        for output in onnx.load(path).graph.output
    }
    assert dims == {
        "landcover": ["batch", 3, "height", "width"],
        "height": ["batch", 1, "height", "width"],
        "season": ["batch", 2],
        "age": ["batch", 1],
    }


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
@pytest.mark.parametrize("shape", [(2, 64, 96), (1, 75, 131)])
def test_engines_answer_every_task_like_torch(
    exported: tuple[Path, Model, Parity], engine: str, shape: tuple[int, int, int]
) -> None:
    need_engine(engine)
    path, model, _ = exported
    pixels = blobs(CARD, shape, np.random.default_rng(1))
    expected = TorchPredictor(model)(pixels)
    answer = open_model(str(path), engine, threads=1)(pixels)  # type: ignore[arg-type]
    assert list(answer) == [task.name for task in TASKS]
    for name, values in expected.items():
        np.testing.assert_allclose(answer[name], values, atol=LIMIT)
    assert answer["season"].sum(1) == pytest.approx(1, abs=1e-5) and answer["height"].min() > -LIMIT


def test_the_list_of_models_tells_every_task(exported: tuple[Path, Model, Parity]) -> None:
    text = CliRunner().invoke(group, ["models", str(exported[0])], catch_exceptions=False).output
    for line in (
        "landcover  0 land, 1 water, 2 road",
        "height     height in m, never below 0",
        "season     0 summer, 1 winter of the whole image",
        "age        value of the whole image in years",
    ):
        assert line in text
