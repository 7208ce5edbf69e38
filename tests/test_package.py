"""What a built wheel and a source distribution hold, and that neither holds anything else."""

import email
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ("photos/templates", "report/templates")
MODELS = ("bestshot", "landcover", "landcover_fast", "town")
FILES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "README.md",
    "constraints.txt",
    "setup.py",
)
SETTINGS = ("mkdocs.yml", "pyproject.toml")
FOLDERS = ("benchmarks", "docs", "packaging", "recipes", "src", "tests", "tools")
BUILD = "from setuptools import build_meta as b; b.build_{kind}({folder!r})"
SKIP = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pyc", "dist", "build")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to build from: setuptools leaves its traces beside the sources."""
    tree = tmp_path_factory.mktemp("source")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tree / name, ignore=SKIP)
    for name in (*FILES, *SETTINGS):
        shutil.copy(ROOT / name, tree)
    return tree


def built(kind: str, source: Path) -> Path:
    folder = source.parent / kind
    command = [sys.executable, "-c", BUILD.format(kind=kind, folder=str(folder))]
    folder.mkdir()
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    [file] = folder.iterdir()
    return file


def files_below(folder: Path) -> set[str]:
    return {
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and not any(part.endswith(".egg-info") for part in p.parts)
    }


@pytest.mark.slow
def test_a_wheel_holds_what_the_program_needs_only(source: Path) -> None:
    package = ROOT / "src" / "smalti"
    expected = {p.relative_to(package).as_posix() for p in package.rglob("*.py")} | {"py.typed"}
    expected |= {f"{at}/{p.name}" for at in TEMPLATES for p in (package / at).iterdir()}
    expected |= {p.relative_to(package).as_posix() for p in (package / "app" / "static").rglob("*") if p.is_file()}
    expected |= {f"models/{name}.onnx" for name in MODELS}
    expected |= {"samples/santa_monica.jpg", "mapping/band_order.json"}
    expected |= {f"recipes/{p.name}" for p in (ROOT / "recipes").glob("*.toml")}
    with zipfile.ZipFile(built("wheel", source)) as wheel:
        packed = set(wheel.namelist())
        [metadata] = (email.message_from_bytes(wheel.read(p)) for p in packed if p.endswith("/METADATA"))
    ours = {p.removeprefix("smalti/") for p in packed if p.startswith("smalti/")}
    about = {p.partition(".dist-info/")[2] for p in packed if not p.startswith("smalti/")}
    assert ours == expected
    assert about == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt"}
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert metadata["License-Expression"] == "Apache-2.0"


@pytest.mark.slow
def test_a_source_distribution_holds_what_tests_and_tools_need_only(source: Path) -> None:
    expected = {p for p in files_below(source) if not p.startswith("build/")}  # which building a wheel leaves
    with tarfile.open(built("sdist", source)) as packed:
        names = {member.name.partition("/")[2] for member in packed.getmembers() if member.isfile()}
    assert {n for n in names if ".egg-info/" not in n} == expected | {"PKG-INFO", "setup.cfg"}
