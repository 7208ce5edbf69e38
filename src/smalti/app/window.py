"""The page in a window: Chrome's or Edge's without bars, else the default browser."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_NAMES = ("google-chrome", "google-chrome-stable", "chrome", "chromium", "chromium-browser", "microsoft-edge", "msedge")
_WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_NOTE = "smalti-window"
_SAME_S = 2.0


def find_browser() -> str | None:
    """The program of a browser that opens windows without bars; None if there is none."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    places = [Path(path) for path in _MAC] if sys.platform == "darwin" else []
    for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        if folder := os.environ.get(variable):
            places += [Path(folder) / name for name in _WINDOWS]
    return next((str(place) for place in places if place.is_file()), None)


def is_open(profile: Path) -> bool:
    """Whether a window still uses a folder of settings, though its server is gone: a new one would open in that."""
    import psutil  # here: it needs modules that other systems may lack

    try:
        pid, begun = (profile / _NOTE).read_text(encoding="ascii").split()
        return bool(abs(psutil.Process(int(pid)).create_time() - float(begun)) < _SAME_S)
    except (OSError, ValueError, psutil.Error):
        return False


def _note(profile: Path, pid: int) -> None:
    """Notes whose window it is; the time tells another process of the same number."""
    import psutil

    with suppress(OSError, psutil.Error):
        profile.mkdir(parents=True, exist_ok=True)
        (profile / _NOTE).write_text(f"{pid} {psutil.Process(pid).create_time()}", encoding="ascii")


class Window:
    """The page of a server that ends with it; where no such window opens, a page of the default browser."""

    def __init__(self, address: str, is_unread: Callable[[], bool], say: Callable[[str], None]) -> None:
        """`is_unread`: whether no browser has come to the address yet."""
        self._address, self._is_unread, self._say = address, is_unread, say
        self._process: subprocess.Popen[bytes] | None = None
        self.closed = False

    def open(self, profile: Path) -> None:
        """Opens the page with the settings of a folder of its own, so that the process lives as long as the window."""
        browser = find_browser()
        if browser is None:
            self._open_page("there is no Chrome, Chromium or Edge")
            return
        options = [
            f"--app={self._address}",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--no-default-browser-check",
        ]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen([browser, *options], stdin=nothing, stdout=nothing, stderr=nothing)
        _note(profile, self._process.pid)
        threading.Thread(target=self._wait, args=(self._process, browser), name="window", daemon=True).start()

    def end(self) -> None:
        """Closes the window: without its server it shows nothing."""
        self.closed = True
        if self._process is not None:
            self._process.terminate()

    def _wait(self, process: subprocess.Popen[bytes], browser: str) -> None:
        failed = process.wait() != 0
        if self.closed:
            return
        if failed and self._is_unread():
            self._open_page(f"{browser} opens no window")
        else:
            self.closed = True
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C would

    def _open_page(self, why: str) -> None:
        where = (
            "it is in the default browser" if webbrowser.open(self._address) else "open the address above in another"
        )
        self._say(f"{why} for the page: {where}; Ctrl-C ends it here")
