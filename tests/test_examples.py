"""The examples of the README and of docs/ run as they stand.

A fenced block whose info string is `console run` or `python run` is run; the blocks of one page share a folder and run
in the order of the page. In a console block the lines that begin with `$ ` are the commands. A TOML or Python block
with a title is first written to a file of that name, and what a `pyproject.toml` registers is found as if it were
installed. Trainings are made short.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r'^```(console|python|toml) (?:run|title="([\w.]+)")\n(.*?)^```$', re.MULTILINE | re.DOTALL)
PAGES = [p for p in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if FENCE.search(p.read_text())]
STEPS = re.compile(r"^steps = \d+$", re.MULTILINE)


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


def install(project: str, place: Path) -> None:
    """Leaves in a folder of the path what an installer makes of a project's file: its name and its entry points."""
    about = tomllib.loads(project)["project"]
    folder = place / f"{about['name']}-{about['version']}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n")
    groups = about["entry-points"].items()
    lines = [line for group, names in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in names.items()))]
    (folder / "entry_points.txt").write_text("\n".join(lines))


def run_page(page: Path, folder: Path, *, steps: int | None = None) -> Path:
    """Runs the blocks of a page below `folder`, trainings with that many steps, and gives the folder they worked in."""
    place = folder / "work"
    place.mkdir()
    (place / "recipes").symlink_to(ROOT / "recipes")
    env = environment(folder)
    for kind, title, block in FENCE.findall(page.read_text()):
        if title:
            (place / title).write_text(STEPS.sub(f"steps = {steps}", block) if steps else block)
            if title == "pyproject.toml":
                install(block, place)
            continue
        for command in commands(kind, block):
            done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, timeout=1500)
            assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return place


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_examples_of(page: Path, tmp_path: Path) -> None:
    run_page(page, tmp_path, steps=4)
