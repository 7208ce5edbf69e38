from pathlib import Path

import pytest
from click.testing import CliRunner

from smalti.cli.draw import command
from smalti.errors import OutputError


def test_draws_and_names_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.cli.progress.FIRST_S", -1.0)  # a log hears of it at once
    out = tmp_path / "new" / "town.tif"
    result = CliRunner().invoke(command, [str(out), "--size", "520", "--seed", "7"], catch_exceptions=False)
    assert result.exit_code == 0
    for name in ("town.tif", "town_classes.tif", "town_height.tif", "town_buildings.gpkg"):
        assert (out.parent / name).is_file()
        assert name in result.output
    assert "Pix" in result.stderr


@pytest.mark.parametrize("arguments", [["--size", "0"], ["--size", "x"], ["--seed", "-1"]])
def test_wrong_numbers(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "a.tif"), *arguments])
    assert result.exit_code == 2 and "Invalid value" in result.stderr


def test_wrong_ending(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "a.png")])
    assert result.exit_code == 2 and "must end in .tif" in result.stderr


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(command, [str(tmp_path / "file" / "a.tif"), "--size", "8"])
    assert isinstance(result.exception, OutputError)


def test_a_place_of_the_world(tmp_path: Path) -> None:
    out = tmp_path / "place.tif"
    arguments = [str(out), "--size", "90", "--climate", "savanna", "--sensor", "aerial"]
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    assert (tmp_path / "place_buildings.gpkg").is_file()
    wrong = CliRunner().invoke(command, [*arguments[:3], "--climate", "savana"])
    assert wrong.exit_code == 2 and "did you mean savanna?" in wrong.stderr
