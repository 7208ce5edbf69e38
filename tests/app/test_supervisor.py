"""Processes beside a server are ended together."""

import sys
import time
from pathlib import Path

import pytest

from smalti.app.supervisor import Supervisor, stop

WAIT = """
import sys, time
from pathlib import Path
kind, folder = sys.argv[-2], Path(sys.argv[-1])
(folder / f"{kind} begun").touch()
sys.stdin.read()
(folder / f"{kind} told").touch()
while len(list(folder.glob("* told"))) < 2:
    time.sleep(0.02)
(folder / f"{kind} ended").touch()
"""
"""Ends when both were told to."""


def test_all_are_told_to_end_before_one_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.app.supervisor.program", lambda: [sys.executable, "-c", WAIT])
    both = [Supervisor(kind, tmp_path) for kind in ("one", "other")]
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("* begun"))) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    stop(both)
    assert {path.name for path in tmp_path.glob("* ended")} == {"one ended", "other ended"}
