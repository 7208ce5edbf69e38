"""`smalti app SCENE`: the address that its window gets."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from smalti.app import server
from smalti.app.window import Window
from smalti.cli import group


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """The address and the profile of each window that is opened; nothing is served."""
    found: list[tuple[str, Path]] = []
    monkeypatch.setattr(Window, "open", lambda window, profile: found.append((window._address, profile)))
    monkeypatch.setattr(server, "run", lambda app, sockets: None)
    return found


def app(*given: str | Path) -> None:
    done = CliRunner().invoke(group, ["app", *map(str, given)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr


def test_nothing_is_removed_by_its_age(
    tmp_path: Path, opened: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    days: list[float] = []
    monkeypatch.setattr(server, "guarded_app", lambda settings: days.append(settings.limits.keep_days))
    app("--data", tmp_path / "data")
    assert days == [0]


def test_a_scene_is_shown_at_once_and_lies_in_an_allowed_folder(
    tmp_path: Path, opened: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[tuple[Path, ...]] = []
    monkeypatch.setattr(server, "guarded_app", lambda settings: allowed.append(settings.roots.folders))
    (scene := tmp_path / "Stadt S\u00fcd #2.tif").touch()
    app(scene, "--data", tmp_path / "data")
    [(address, _)] = opened
    _, _, fragment = address.partition("#")
    assert unquote(fragment) == f"path={scene}" and "#" not in fragment
    assert allowed == [(Path.home().resolve(), tmp_path.resolve())]


def test_without_a_scene_the_address_has_no_more_than_the_token(tmp_path: Path, opened: list[tuple[str, Path]]) -> None:
    app("--data", tmp_path / "data")
    [(address, _)] = opened
    assert "#" not in address
