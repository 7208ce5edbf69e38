"""The commands of the page on object stores, and the line of the README, run as they stand, on the loopback."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from smalti.cli.map import command
from tests.remote.loopback import Faulty, scene

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "object-stores.md").read_text()
README = (ROOT / "README.md").read_text()


def run(line: str, web: Faulty) -> str:
    """What a command prints."""
    arguments = shlex.split(line.replace("https://stac.example.org", web.url), comments=True)
    assert arguments[:2] == ["smalti", "map"]
    done = CliRunner().invoke(command, arguments[2:], catch_exceptions=False)
    assert done.exit_code == 0, f"{line}: {done.output}"
    return done.output


@pytest.mark.slow
def test_the_commands_of_the_page_run(
    store: Faulty, web: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store.put("scenes/a.tif", scene(tmp_path / "in.tif").read_bytes())
    lines = re.findall(r"^\$ (smalti map .*)$", PAGE, re.MULTILINE)
    assert len(lines) == 8
    printed = "".join(run(line, web) for line in lines)
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.tif")}
    assert {"a.tif", "b.tif", "one.tif", "january/scene-0.tif", "january/scene-1.tif", "clear/scene-0.tif"} < made
    assert "s3://maps/june/scene-1.parquet: " in printed


def test_the_line_of_the_readme_runs(
    store: Faulty, web: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (line,) = re.findall(r"^\$ (smalti map .* -o s3://.*)$", README, re.MULTILINE)
    here = line.replace("v1/collections/aerial", "c/collection.json").replace("2024-06", "2024-03")
    assert "s3://maps/june/scene-2.tif" in run(here, web)
