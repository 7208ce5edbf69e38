"""The page in a window: Chrome's or Edge's without bars, else the default browser."""

import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

_NAMES = ("google-chrome", "google-chrome-stable", "chrome", "chromium", "chromium-browser", "microsoft-edge", "msedge")
_WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)


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


def open_window(address: str, profile: Path) -> subprocess.Popen[bytes] | None:
    """Opens the page; returns the window's process, or None where it is a page of the default browser.

    The window has a profile of its own, so that its process lives as long as the window.
    """
    browser = find_browser()
    if browser is None:
        webbrowser.open(address)
        return None
    options = [f"--app={address}", f"--user-data-dir={profile}", "--no-first-run", "--no-default-browser-check"]
    return subprocess.Popen(
        [browser, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
