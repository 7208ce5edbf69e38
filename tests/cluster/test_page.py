"""The lines of the README that map on a cluster, run as they stand, on the loopback."""

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.remote.loopback import scene

README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.slow
def test_the_lines_of_the_readme_run(tmp_path: Path, smalti: Run) -> None:
    for k in range(2):
        scene(tmp_path / "scenes" / f"{k}.tif", k)
    scene(tmp_path / "huge.tif", size=700)
    lines = re.findall(r"^\$ smalti (map .* --scheduler .*)$", README, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        smalti(*shlex.split(line, comments=True))
    assert sorted(path.name for path in (tmp_path / "maps").glob("*.tif")) == ["0.tif", "1.tif"]
    smalti("map", "huge.tif", "-o", "alone/huge_map.tif")
    assert (tmp_path / "huge_map.tif").read_bytes() == (tmp_path / "alone" / "huge_map.tif").read_bytes()
