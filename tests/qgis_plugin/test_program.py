"""How the plugin finds the program that it calls."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smalti import __version__
from smalti_qgis import program
from smalti_qgis.program import OLDEST, ProgramError, check, environment, find, usual_places

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs here are shell scripts")
Make = Callable[[str, str], str]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a program that prints a text."""

    def write(name: str, answer: str) -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{answer}'\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_the_setting_comes_first_then_path_then_the_usual_places(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / ".local" / "bin").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    usual, named = make("home/.local/bin/smalti", ""), make("mine", "")
    assert find() == usual
    on_path = make("bin/smalti", "")
    assert find() == on_path
    assert find(named) == named


def test_where_there_is_none_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(program, "usual_places", lambda: [tmp_path / "smalti"])
    with pytest.raises(ProgramError, match=r"^the program smalti is neither on PATH nor .*; install Smalti, or .*$"):
        find()
    with pytest.raises(ProgramError, match=r"^there is no program /no/where; name another one in Settings > .*$"):
        find("/no/where")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_usual_places_are_whole_paths(platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LOCALAPPDATA", "ProgramFiles", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "APPDATA/Python/Python312/Scripts").mkdir(parents=True)
    (tmp_path / "APPDATA/Python/Python312/Scripts/smalti.exe").touch()
    places = usual_places(platform)
    assert len(set(places)) == len(places) >= 4
    assert {place.name for place in places} == {"smalti.exe" if platform == "win32" else "smalti"}
    assert all(place.is_absolute() for place in places)


def test_the_program_of_today_is_recent_enough(make: Make) -> None:
    today = check(make("today", f"smalti, version {__version__}"))
    assert __version__.startswith(".".join(map(str, today))) and today >= OLDEST


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("smalti, version 0.1.0", r" is Smalti 0\.1\.0; this plugin needs 0\.2\.0 or newer: update it, or name "),
        ("hello", r" is not Smalti: it answers 'hello'; name another program in Settings > "),
        ("", r" is not Smalti: it answers 'nothing'; name another program in Settings > "),
    ],
)
def test_others_are_refused_in_one_line(make: Make, answer: str, expected: str) -> None:
    with pytest.raises(ProgramError, match=expected) as refusal:
        check(make("other", answer))
    assert "\n" not in str(refusal.value)


def test_a_file_that_does_not_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "smalti").write_text("no program")
    with pytest.raises(ProgramError, match=r"smalti does not run \(.*\); name another program"):
        check(str(tmp_path / "smalti"))


def test_it_is_asked_again_when_the_file_has_changed(make: Make) -> None:
    path = make("updated", "smalti, version 0.2.0.dev0")
    assert check(path) == (0, 2, 0)
    make("updated", "smalti, version 0.2.1")
    os.utime(path, (1, 1))
    assert check(path) == (0, 2, 1)


def test_variables_of_the_libraries_of_qgis_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONHOME", "QT_QPA_PLATFORM", "GDAL_DATA", "PROJ_LIB", "OWN"):
        monkeypatch.setenv(name, "of-qgis")
    assert [name for name, value in environment().items() if value == "of-qgis"] == ["OWN"]
