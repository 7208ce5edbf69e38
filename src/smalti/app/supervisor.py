"""Keeps the processes of a server running: the worker, and the builder of overviews.

Each ends by itself when its standard input is closed, which the system does also for a killed server.
"""

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from smalti.app.program import program

_PAUSES_S = (0.2, 1.0, 5.0, 15.0)
"""Waits before a process is started again; the first one again after a minute of life."""
_PATIENCE_S = 10.0


class Supervisor:
    """Starts a process, and again whenever it ends."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._command = [*program(), "_work", kind, str(folder)]
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name=f"smalti {kind}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process's id; None between two."""
        return self._process.pid if self._process else None

    def _keep(self) -> None:
        ends = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            self._process.wait()
            self._process = None
            ends = 0 if time.monotonic() - begun > 60 else ends
            self._stopping.wait(_PAUSES_S[min(ends, len(_PAUSES_S) - 1)])
            ends += 1

    def ask_to_end(self) -> None:
        """Tells the process to end; its work stays where it is."""
        self._stopping.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def wait(self) -> None:
        """Waits until the process, which was told to, has ended; kills one that does not."""
        process = self._process
        if process is not None:
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(_PATIENCE_S)


def stop(supervisors: Sequence[Supervisor]) -> None:
    """Ends processes, all at the same time: each may need some seconds."""
    for each in supervisors:
        each.ask_to_end()
    for each in supervisors:
        each.wait()
