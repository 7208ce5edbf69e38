import json
from pathlib import Path
from typing import Any

import pytest
import torch

from smalti.card import Card, Score
from smalti.deploy import release
from smalti.deploy.parity import Parity
from smalti.deploy.release import export_checkpoint, with_scores, with_temperatures
from smalti.errors import DataError, ModelError, OutputError
from smalti.training import predict
from smalti.training.checkpoint import save_checkpoint
from tests.deploy.nets import Warp, cards

SCORE = {"name": "mIoU", "value": 0.7, "protocol": "tile 7"}


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps({"scores": [SCORE], "images": 3}))
    return path


def test_measured_scores_enter_the_card(scores: Path) -> None:
    card = with_scores(cards(), scores)
    assert card.origin.scores == (Score(name="mIoU", value=0.7, protocol="tile 7"),)
    assert Card.load(card.dump(), "card") == card


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scores": [{"name": "mIoU", "value": 0.7}]}'])
def test_scores_without_a_protocol_are_refused(scores: Path, text: str) -> None:
    scores.write_text(text)
    with pytest.raises(DataError, match=r"evaluation\.json"):
        with_scores(cards(), scores)


def test_a_missing_evaluation_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        with_scores(cards(), tmp_path / "absent.json")


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


CALIBRATED = {"calibration": {"temperature": 1.75, "error": 0.1}}


@pytest.mark.parametrize(
    "content",
    [
        {"model": "small", "task": "landcover", **CALIBRATED},
        {"model": "small", "tasks": {"landcover": CALIBRATED, "height": {"main": 1}}},
    ],
)
def test_a_measured_temperature_enters_the_card(content: object, tmp_path: Path) -> None:
    card = with_temperatures(cards(), written(tmp_path / "validation.json", content))
    assert [task.temperature for task in card.tasks] == [1.75, None]
    assert Card.load(card.dump(), "card") == card


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "no calibration; give the JSON of smalti evaluate on validation data"),
        ({"model": "other", "task": "landcover", **CALIBRATED}, "it evaluates model other, expected small"),
        ({"model": "small", "task": "landcover", "calibration": None}, "no calibration of a task of classes of small"),
        ({"model": "small", "task": "roofs", **CALIBRATED}, "no calibration of a task of classes of small"),
    ],
)
def test_a_calibration_of_something_else_is_refused(content: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"validation\.json: {told}"):
        with_temperatures(cards(), written(tmp_path / "validation.json", content))
    with pytest.raises(DataError, match="the calibration cannot be read: No such file"):
        with_temperatures(cards(), tmp_path / "absent.json")


def built(card: Card) -> torch.nn.Module:
    """As `nets.build` does for a net of the tests: the model knows its card."""
    model = Warp()
    model.card = card  # type: ignore[assignment]
    return model


@pytest.fixture
def checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "run", cards(), Warp().state_dict())
    monkeypatch.setattr(predict, "build", built)
    return tmp_path / "run"


def test_weights_card_and_scores_meet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, checkpoint: Path, scores: Path
) -> None:
    seen: dict[str, Any] = {}

    def keep(model: torch.nn.Module, card: Card, out: Path, say: object) -> Parity:
        seen.update(model=model, card=card, out=out)
        return Parity(0, ())

    monkeypatch.setattr(release, "export_model", keep)
    export_checkpoint(checkpoint, tmp_path / "out.onnx", scores)
    assert seen["card"].origin.scores[0].value == 0.7 and seen["out"] == tmp_path / "out.onnx"
    torch.manual_seed(0)
    for ours, theirs in zip(seen["model"].state_dict().values(), Warp().state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_weights_of_another_net_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, checkpoint: Path
) -> None:
    monkeypatch.setattr(predict, "build", lambda card: torch.nn.Conv2d(3, 5, 1))
    with pytest.raises(ModelError, match="do not match the net small") as error:
        export_checkpoint(checkpoint, tmp_path / "out.onnx")
    assert "\n" not in str(error.value)


def test_an_absent_output_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        export_checkpoint(tmp_path / "run", tmp_path / "absent" / "out.onnx")
