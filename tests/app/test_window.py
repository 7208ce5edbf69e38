"""Options of `smalti serve` and `smalti app`, and the window."""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from smalti.app import window
from smalti.app.start import Start, address_of, serve
from smalti.errors import BusyError, OptionError

TOKEN = "a-token-that-is-long-enough"


@pytest.mark.parametrize("more", [{"token": TOKEN, "no_token": True}, {"token": "short"}, {"tokens": Path("nowhere")}])
def test_tokens_that_contradict_or_are_none_are_refused(more: dict[str, object], tmp_path: Path) -> None:
    options = {"token": None, "tokens": None, "no_token": False, **more}
    with pytest.raises(OptionError):
        serve(Start("127.0.0.1", 0, (), tmp_path), **options, say=print)  # type: ignore[arg-type]


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BusyError, match="--port 0"):
        assert address_of(taken).startswith("http://127.0.0.1:")
        serve(
            Start("127.0.0.1", taken.getsockname()[1], (), tmp_path),
            token=TOKEN,
            tokens=None,
            no_token=False,
            say=print,
        )


def test_the_page_opens_in_a_window_or_in_the_default_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    opened: list[str] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: started.append(command))
    monkeypatch.setattr(window.webbrowser, "open", opened.append)
    look: Callable[[str], str | None] = lambda name: f"/bin/{name}" if name == "chromium" else None  # noqa: E731
    monkeypatch.setattr(window.shutil, "which", look)
    window.open_window("http://x/", tmp_path)
    assert started == [
        [
            "/bin/chromium",
            "--app=http://x/",
            f"--user-data-dir={tmp_path}",
            "--no-first-run",
            "--no-default-browser-check",
        ]
    ]
    monkeypatch.setattr(window, "find_browser", lambda: None)
    assert window.open_window("http://x/", tmp_path) is None and opened == ["http://x/"]
