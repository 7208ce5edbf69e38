"""The examples of the README and of docs/ run as they stand.

A fenced block whose info string is `console run` or `python run` is run; the blocks of one page share a folder and run
in the order of the page. In a console block the lines that begin with `$ ` are the commands.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(console|python) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [p for p in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if FENCE.search(p.read_text())]


def commands(kind: str, block: str) -> list[list[str]]:
    if kind == "python":
        return [[sys.executable, "-W", "error", "-c", block]]
    joined = block.replace("\\\n", " ")
    return [["bash", "-c", line[2:]] for line in joined.splitlines() if line.startswith("$ ")]


def environment(folder: Path) -> dict[str, str]:
    """Puts a `smalti` first on the path that is this very source."""
    shim = folder / "bin" / "smalti"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m smalti "$@"\n')
    shim.chmod(0o755)
    return os.environ | {"PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_of(page: Path, tmp_path: Path) -> None:
    place = tmp_path / "work"
    place.mkdir()
    (place / "recipes").symlink_to(ROOT / "recipes")
    env = environment(tmp_path)
    for kind, block in FENCE.findall(page.read_text()):
        for command in commands(kind, block):
            done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, timeout=250)
            assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
