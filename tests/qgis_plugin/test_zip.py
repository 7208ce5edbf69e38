"""The plugin as a file that QGIS installs."""

import ast
import runpy
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from smalti import __version__

ROOT = Path(__file__).resolve().parents[2]
TOOL = runpy.run_path(str(ROOT / "tools" / "qgis_plugin.py"))
SOURCES = sorted((ROOT / "qgis" / "smalti_qgis").rglob("*.py"))


def test_it_holds_the_plugin_and_its_licence(tmp_path: Path) -> None:
    out = TOOL["write_zip"](tmp_path)
    assert out.name == f"smalti_qgis-{__version__}.zip"
    with zipfile.ZipFile(out) as file:
        names = file.namelist()
        assert file.read("smalti_qgis/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert {name.split("/")[0] for name in names} == {"smalti_qgis"} and not any(
        "__pycache__" in name for name in names
    )
    expected = {path.relative_to(ROOT / "qgis").as_posix() for path in SOURCES}
    assert {*expected, "smalti_qgis/metadata.txt", "smalti_qgis/icon.png", "smalti_qgis/LICENSE"} == set(names)


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (TOOL["write_zip"](tmp_path / name).read_bytes() for name in ("a", "b"))
    assert first == second


def test_its_metadata_describe_it_and_name_no_address_that_is_none() -> None:
    told = TOOL["metadata"]()
    assert all(told.get(key) for key in TOOL["REQUIRED"])
    assert told["version"] == __version__ and told["hasProcessingProvider"] == "yes"
    assert told["qgisMinimumVersion"] == "3.22"
    assert not any("example" in value for value in told.values())
    assert not set(told) & {"plugin_dependencies", "qgismaximumversion"}
    with Image.open(ROOT / "qgis" / "smalti_qgis" / told["icon"]) as icon:
        assert icon.format == "PNG" and icon.size == (64, 64)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_it_is_read_by_the_oldest_python_of_qgis(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_modules_that_run_without_qgis_import_nothing_of_it() -> None:
    alone = ("program", "job", "commands", "rasters", "scene", "app")
    for path in SOURCES:
        if path.stem in alone:
            assert "qgis." not in path.read_text(encoding="utf-8"), path


def test_every_public_name_says_what_it_is() -> None:
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        without = [node.name for node in named if not node.name.startswith("_") and not ast.get_docstring(node)]
        assert ast.get_docstring(tree) and not without, path
