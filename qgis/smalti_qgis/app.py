"""The app, started on a scene; it lives on when QGIS is closed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .commands import app_command
from .job import reason
from .program import environment, hidden


class App:
    """One start of the app, and what it printed."""

    def __init__(self, program: str, scene: str) -> None:
        handle, name = tempfile.mkstemp(prefix="smalti-app-", suffix=".log")
        self._log, self._said = Path(name), b""
        alone: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
        self._process = subprocess.Popen(
            app_command(program, scene), stdin=subprocess.DEVNULL, stdout=handle, stderr=subprocess.STDOUT,
            env=environment(), cwd=Path.home(), **alone, **hidden(),
        )  # fmt: skip
        os.close(handle)

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self._process.poll() is not None

    def state(self) -> str:
        """One line: that it is starting, open or closed, or why it failed."""
        code = self._process.poll()
        said = self._lines()
        if code is None:
            return "The app is open." if said else "The app is starting ..."
        return reason(said, code) if code else "The app was closed."

    def _lines(self) -> list[str]:
        if self._log.exists():
            self._said = self._log.read_bytes()
            if self.ended:
                self._log.unlink()
        return [line for line in self._said.decode("utf-8", "replace").splitlines() if line.strip()]
