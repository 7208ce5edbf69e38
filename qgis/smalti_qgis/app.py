"""The app, started on a scene; it lives on when QGIS is closed."""

from __future__ import annotations

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
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the app
        alone: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
        self._process = subprocess.Popen(
            app_command(program, scene), stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT,
            env=environment(), cwd=Path.home(), **alone, **hidden(),
        )  # fmt: skip

    def failure(self) -> str | None:
        """The line that says why it ended, or None while it runs and where it ended well."""
        if not self._process.poll():
            return None
        self._said.seek(0)
        lines = [line for line in self._said.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return reason(lines, self._process.returncode)
