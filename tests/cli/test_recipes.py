"""Recipes for whoever has installed the program and has no checkout."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from smalti.cli.recipes import command
from smalti.errors import OutputError, OutputWarning
from smalti.workflows.recipes import write_recipes

SOURCE = Path(__file__).resolve().parents[2] / "recipes"


def run(folder: Path) -> Result:
    return CliRunner().invoke(command, [str(folder)])


def test_all_recipes_are_written_and_those_that_are_there_stay(tmp_path: Path) -> None:
    folder = tmp_path / "recipes"
    done = run(folder)
    names = sorted(path.name for path in SOURCE.glob("*.toml"))
    assert done.output.splitlines() == [str(folder / name) for name in names] and "own_folder.toml" in names
    assert all((folder / name).read_bytes() == (SOURCE / name).read_bytes() for name in names)
    (folder / names[0]).unlink()
    before = (folder / names[1]).stat().st_mtime_ns
    assert run(folder).exit_code == 0 and (folder / names[0]).is_file()
    assert (folder / names[1]).stat().st_mtime_ns == before


def test_a_recipe_that_was_changed_is_not_replaced(tmp_path: Path) -> None:
    own = tmp_path / "own_folder.toml"
    own.write_text("# mine\n")
    with pytest.warns(OutputWarning, match=r"content differs from the shipped recipes: own_folder\.toml$"):
        written = write_recipes(tmp_path)
    assert own.read_text() == "# mine\n" and {path.name for path in written} == {
        path.name for path in tmp_path.iterdir()
    }
    assert len(written) > 5


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("nowhere"), Path.mkdir, os.mkfifo])
def test_what_has_the_name_of_a_recipe_but_is_no_file_stays(tmp_path: Path, make: Callable[[Path], object]) -> None:
    own = tmp_path / "own_folder.toml"
    make(own)
    done = run(tmp_path)
    assert isinstance(done.exception, OutputError) and "exists already, and is no file" in str(done.exception)
    assert list(tmp_path.iterdir()) == [own] and not own.is_file()
