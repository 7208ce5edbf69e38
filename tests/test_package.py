"""What a built wheel holds."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_a_wheel_holds_models_templates_and_licence(tmp_path: Path) -> None:
    # Built from a copy: setuptools leaves its traces beside the sources.
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "-w", tmp_path / "dist", tmp_path], check=True, timeout=120)
    [wheel] = (tmp_path / "dist").glob("smalti-*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    ours = {p.relative_to(source).as_posix() for p in (source / "smalti").rglob("*") if p.is_file()}
    ours = {p for p in ours if "__pycache__" not in p}
    assert ours <= packed
    assert any(p.endswith("licenses/LICENSE") for p in packed)
