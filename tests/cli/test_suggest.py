from pathlib import Path

from click.testing import CliRunner

from smalti.cli.suggest import command
from tests.lessons.places import noisy_scene


def test_windows_are_written(tmp_path: Path) -> None:
    out = tmp_path / "look.gpkg"
    done = CliRunner().invoke(command, [str(noisy_scene(tmp_path / "scene.tif")), "-o", str(out), "--minutes", "1"])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{out}: 1 window to look at, by landcover\n" and out.exists()


def test_bands_are_given_as_in_map(tmp_path: Path) -> None:
    arguments = [str(noisy_scene(tmp_path / "scene.tif", bands=4)), "-o", str(tmp_path / "look.gpkg")]
    done = CliRunner().invoke(command, [*arguments, "--minutes", "1", "--bands", "2, 3,1"])
    assert done.exit_code == 0, done.output
