import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from smalti.card import Origin, Score
from smalti.cli import group
from smalti.errors import ModelError
from smalti.runtime import models
from tests.tiny import tiny_card, tiny_model


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(models, "BUNDLED", tmp_path / "bundled")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundled").mkdir()
    (tmp_path / "models").mkdir()


def run(*words: str) -> str:
    return CliRunner().invoke(group, ["models", *words], catch_exceptions=False).output


def test_nothing_installed_says_where_to_put_models() -> None:
    assert "No model is installed" in run()
    assert json.loads(run("--json")) == []


def test_every_field_of_the_card_is_shown() -> None:
    origin = Origin(
        data=("a town", "another"), licence="CC0", scores=(Score(name="mIoU", value=0.75, protocol="town 7"),),
        good_for="towns", not_for="clouds", recipe="town.toml",
    )  # fmt: skip
    path = tiny_model(Path("bundled/town.onnx"), tiny_card(origin=origin, resolution=(0.2, 1.0)))
    text = run()
    answers = ("town  bundled", "0 most red, 1 most green", "red, green, blue (uint8)", "0.2 to 1 m")
    origins = ("a town; another", "town.toml", "mIoU 0.75  (town 7)", "CC0", "towns", "clouds")
    for part in (*answers, *origins, models.verify(path).sha256):
        assert part in text


def test_damaged_files_are_listed_with_the_reason() -> None:
    path = tiny_model(Path("models/bad.onnx"))
    path.write_bytes(path.read_bytes()[:-100])
    assert "bad  DAMAGED, local" in run() and "truncated" in run()
    (entry,) = json.loads(run("--json"))
    assert entry["card"] is None and "truncated" in entry["error"]
    with pytest.raises(ModelError, match="truncated"):
        run("bad")


def test_one_model_by_name_file_or_folder(tmp_path: Path) -> None:
    tiny_model(Path("models/one.onnx"))
    tiny_model(Path("models/two.onnx"))
    tiny_model(Path("bundled/three.onnx"))
    Path("three").mkdir()  # a model's name wins over a folder's
    for name, found in {
        "one": ["one"],
        "models/two.onnx": ["two"],
        "models": ["one", "two"],
        "three": ["three"],
    }.items():
        assert [entry["name"] for entry in json.loads(run("--json", name))] == found
    assert [entry["bundled"] for entry in json.loads(run("--json"))] == [True, False, False]


def test_an_unknown_name_is_one_line_naming_the_known() -> None:
    tiny_model(Path("models/one.onnx"))
    with pytest.raises(ModelError, match="known: one"):
        run("nowhere")


def test_a_long_option_is_told_by_its_length(tmp_path: Path) -> None:
    card = tiny_card().model_copy(update={"options": {"width": 1.0, "cues": list("abcdefg")}})
    tiny_model(tmp_path / "models" / "long.onnx", card)
    assert "width=1.0 cues=7 of them" in run("long")
