"""One run of the program: its lines, its progress, and its end when the user cancels."""

from __future__ import annotations

import contextlib
import json
import queue
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

from .program import environment, hidden

_SHARE = re.compile(r": (\d{1,3})% of ")
_LOOK_S = 0.2
_END_S = 10


class JobError(Exception):
    """The program failed; its text is the one line that the program printed last."""


class Canceled(Exception):  # noqa: N818  it is no error
    """The user canceled; the program has ended."""


def run(command: Sequence[str], say: Callable[[str], object], canceled: Callable[[], bool]) -> list[str]:
    """Runs a command until it ends; returns its lines.

    Args:
        command: the program and its arguments.
        say: called with each line, as it comes.
        canceled: asked a few times a second.

    Raises:
        JobError: it failed.
        Canceled: it was killed.
    """
    lines, code = _run(command, say, canceled, subprocess.STDOUT)
    if code:
        raise JobError(reason(lines, code))
    return lines


def answer(command: Sequence[str], canceled: Callable[[], bool]) -> Any:
    """Runs a command that prints JSON, whatever it warns of beside; returns what that holds. Raises as `run` does."""
    with tempfile.TemporaryFile() as beside:
        lines, code = _run(command, lambda line: None, canceled, beside)
        beside.seek(0)
        told = [line for line in beside.read().decode("utf-8", "replace").splitlines() if line.strip()]
    if code:
        raise JobError(reason([*lines, *told], code))
    try:
        return json.loads("\n".join(lines))
    except ValueError:
        got = repr(lines[0][:200]) if lines else "nothing"
        raise JobError(
            f"{command[0]} printed no JSON but {got}; call `{' '.join(command)}` in a terminal to see why"
        ) from None


def _run(
    command: Sequence[str], say: Callable[[str], object], canceled: Callable[[], bool], errors: int | IO[bytes]
) -> tuple[list[str], int]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment(),
        encoding="utf-8", errors="replace", **hidden(),
    )  # fmt: skip
    with process:
        try:
            lines = _follow(process, say, canceled)
        except BaseException:
            _end(process)
            raise
    return lines, process.returncode


def _follow(process: subprocess.Popen[str], say: Callable[[str], object], canceled: Callable[[], bool]) -> list[str]:
    arriving: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, arriving), daemon=True).start()
    lines: list[str] = []
    while True:
        if canceled():
            raise Canceled
        try:
            line = arriving.get(timeout=_LOOK_S)
        except queue.Empty:
            continue
        if line is None:
            return lines
        lines.append(line)
        say(line)


def _read(stream: IO[str] | None, arriving: queue.Queue[str | None]) -> None:
    with contextlib.suppress(ValueError):  # closed: the run was canceled, and nobody reads on
        for line in stream or ():
            if line.strip():
                arriving.put(line.rstrip())
    arriving.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    """What is finished by then lies on the disk: a kill loses at most one strip of the scene."""
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()


def share(line: str) -> int | None:
    """The percentage in a line of progress, or None in any other line."""
    found = _SHARE.search(line)
    return int(found[1]) if found else None


def is_warning(line: str) -> bool:
    """Whether a line is a warning of the program."""
    return line.startswith(("warning: ", "smalti: warning: "))


def reason(lines: Sequence[str], code: int) -> str:
    """The line that says why a program failed, without its name in front."""
    told = [line for line in lines if not is_warning(line) and share(line) is None]
    if not told:
        return f"the program ended with code {code} and printed nothing"
    why = next((line for line in reversed(told) if line.startswith("smalti: ")), told[-1])
    return re.sub(r"^(smalti|Error): ", "", why)
