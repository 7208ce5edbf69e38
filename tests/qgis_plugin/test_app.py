"""The app as the panel of the plugin starts it."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smalti_qgis.app import App

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs here are shell scripts")


def seen(app: App, until: Callable[[str], bool]) -> str:
    """Its state as soon as it is as expected."""
    end = time.monotonic() + 20
    while not until(app.state()) and time.monotonic() < end:
        time.sleep(0.02)
    return app.state()


def started(folder: Path, text: str) -> App:
    (program := folder / "smalti").write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return App(str(program), str(folder / "Stadt S\u00fcd.tif"))


def test_it_is_starting_then_open_then_closed(tmp_path: Path) -> None:
    waits = 'while [ ! -e "$(dirname "$0")/{}" ]; do sleep 0.02; done'
    app = started(tmp_path, f'{waits.format("go")}; echo "$*"; {waits.format("end")}')
    assert app.state() == "The app is starting ..."
    (tmp_path / "go").touch()
    assert seen(app, lambda state: "open" in state) == "The app is open." and not app.ended
    (tmp_path / "end").touch()
    assert seen(app, lambda state: "closed" in state) == "The app was closed." and app.ended


def test_why_it_failed_is_one_line(tmp_path: Path) -> None:
    app = started(tmp_path, 'echo began; echo "smalti: fastapi is not installed; install it" >&2; exit 1')
    assert seen(app, lambda _: app.ended) == "fastapi is not installed; install it"
