from pathlib import Path

import pytest

pytest.importorskip("lightning")
from smalti.errors import OutputError
from smalti.workflows.run_folder import run_folder


def test_a_folder_is_named_after_the_model_unless_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_folder("town", None) == Path("runs/town")
    assert run_folder("town", tmp_path / "here") == tmp_path / "here"


@pytest.mark.parametrize("name", ["records.csv", "lr_range.csv", "lr_range.html"])
def test_tables_and_pages_of_others_are_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("steps and rates of my own\n1\n")
    with pytest.raises(OutputError, match=f"{name}: exists and"):
        run_folder("town", tmp_path)


@pytest.mark.parametrize("text", ["", "step,loss\n2,0.5\n"])
def test_a_training_of_before_may_be_resumed(tmp_path: Path, text: str) -> None:
    (tmp_path / "records.csv").write_text(text)
    assert run_folder("town", tmp_path) == tmp_path


def test_a_file_is_no_folder_for_a_training(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with pytest.raises(OutputError, match="run: is a file, expected a folder for the training"):
        run_folder("town", tmp_path / "run")
