"""Options of `smalti serve` and `smalti app`, and the window."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from smalti.app import window
from smalti.app.listening import address_of
from smalti.app.start import Start, serve
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


def test_chromium_opens_the_page_in_a_window_with_its_own_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    class Process:
        pid = 0

        def __init__(self, command: list[str], **_: int) -> None:
            started.append(command)

        def wait(self) -> int:  # as long as the tests run: a window that is closed interrupts them
            return threading.Event().wait()

    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(window.shutil, "which", lambda name: f"/bin/{name}" if name == "chromium" else None)
    window.Window("http://x/", lambda: True, print).open(tmp_path)
    own = [f"--user-data-dir={tmp_path}", "--no-first-run", "--no-default-browser-check"]
    assert started == [["/bin/chromium", "--app=http://x/", *own]]
