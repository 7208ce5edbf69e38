"""The app in a window: how it ends."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from smalti.app import start
from smalti.app.start import Start, open_app


@pytest.fixture
def app(tmp_path: Path) -> Start:
    return Start("127.0.0.1", 0, (tmp_path,), tmp_path / "data")


def test_a_closed_window_ends_the_app_without_an_error(app: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, said = [], []

    def window(address: str, _: Path) -> subprocess.Popen[bytes]:
        opened.append(address)
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(start, "open_window", window)
    monkeypatch.setattr(start, "run", lambda *_: time.sleep(60))
    open_app(app, window=True, say=said.append)
    assert opened == said and said[0].startswith("http://127.0.0.1:")


def test_a_second_window_has_a_profile_of_its_own(app: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles: list[str] = []

    def window(_: str, profile: Path) -> None:
        profiles.append(profile.name)
        if len(profiles) == 1:  # a program started while the first one runs
            begin = f"import sys; sys.path[:0] = {sys.path!r}; from tests.app.test_start import second"
            code = f"{begin}; second({str(app.data)!r})"
            profiles.extend(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())

    monkeypatch.setattr(start, "open_window", window)
    monkeypatch.setattr(start, "run", lambda *_: None)
    for _ in range(2):
        open_app(app, window=True, say=print)
    assert profiles == ["window1", "window2", "window1"]


def second(data: str) -> None:
    """Another process that opens a window on the same folder; prints the name of its profile."""
    start.open_window = lambda _, profile: print(profile.name)  # type: ignore[assignment]
    start.run = lambda *_: None  # type: ignore[assignment]
    open_app(Start("127.0.0.1", 0, (Path(data),), Path(data)), window=True, say=lambda _: None)


def test_an_interrupted_app_says_so(app: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_app(app, window=False, say=print)
