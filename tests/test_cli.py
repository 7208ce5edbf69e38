"""The command group: quick help, one line per error, exit codes."""

import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import smalti.cli
from smalti import __version__
from smalti.cli import COMMANDS, EXTRAS, exit_code, main
from smalti.errors import BusyError, ExportError, LabelError, OutputError, RasterError, SmaltiError

Run = Callable[..., subprocess.CompletedProcess[str]]
HEAVY = {"numpy", "rasterio", "torch", "pydantic", "onnxruntime", "shapely", "pyogrio", "PIL", "cv2", "jinja2"}


def test_help_lists_the_commands_in_order(smalti: Run) -> None:
    text = smalti("--help").stdout
    places = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from smalti.cli import main
sys.argv = ["smalti", "--help"]
try:
    main()
except SystemExit:
    print("modules", *sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.partition(".")[0] for name in done.stdout.rpartition("modules")[2].split()}
    assert "click" in loaded
    assert not loaded & HEAVY


def test_version(smalti: Run) -> None:
    assert __version__ in smalti("--version").stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    pytest.importorskip(f"smalti.cli.{name}", exc_type=ModuleNotFoundError)
    command = importlib.import_module(f"smalti.cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.help
    unexplained = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not unexplained


@pytest.mark.parametrize("command", [("map", "-o", "map.tif"), ("photos",)])
def test_what_the_system_refuses_to_look_at_is_one_line(command: tuple[str, ...], smalti: Run) -> None:
    done = smalti(*command, "x" * 300, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert re.match("smalti: '?x+.*: File name too long; give a path", done.stderr)


def test_an_unknown_command_is_wrong_usage(smalti: Run) -> None:
    done = smalti("paint", check=False)
    assert done.returncode == 2
    assert "paint" in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(RasterError, 3), (LabelError, 3), (OutputError, 4), (BusyError, 5), (ExportError, 1), (SmaltiError, 1)],
)
def test_exit_codes(error: type[SmaltiError], code: int) -> None:
    assert exit_code(error("what came")) == code


def test_an_error_is_one_line_on_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(**_: object) -> None:
        raise RasterError("town.tif: no such file; give the path of a raster")

    monkeypatch.setattr(smalti.cli, "group", refuse)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 3
    assert capsys.readouterr().err == "smalti: town.tif: no such file; give the path of a raster\n"


def test_a_part_that_is_not_installed_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(smalti.cli, "group", lambda **_: importlib.import_module("torch"))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert capsys.readouterr().err == "smalti: torch is not installed; install it with: pip install 'smalti[train]'\n"


def test_every_optional_package_is_known_with_its_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    modules = {"opencv_python_headless": "cv2"}  # of another name than their package
    optional: dict[str, str] = {}
    for extra, packages in extras.items():
        if extra not in ("dev", "docs"):  # of these no command asks for a package
            others = [package for package in packages if not package.startswith("smalti[")]
            names = [re.split(r"[\[=>]", package)[0].replace("-", "_") for package in others]
            optional = {modules.get(name, name): extra for name in names} | optional  # the first extra that has it
    assert optional == EXTRAS


def test_too_little_memory_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def short(**_: object) -> None:
        raise MemoryError("Unable to allocate 12.0 GiB")

    monkeypatch.setattr(smalti.cli, "group", short)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 3
    assert capsys.readouterr().err == (
        "smalti: not enough memory (Unable to allocate 12.0 GiB); use smaller tiles or images, or another machine\n"
    )
