"""Converters that live in environments of their own, as they need other versions of packages than Smalti, or gigabytes.

A converter is a program on PATH; its Python, which lies beside it, runs the result with the engine of the target.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smalti.arrays import Floats, Pixels
from smalti.errors import ExportError, MissingToolError

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
LONGEST_S = 3600
"""A converter that runs longer is stopped."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What an engine predicted, and how long it took."""

    outputs: list[list[Floats]]
    """Of each tile, in the order of the tasks."""
    seconds: tuple[float, ...]
    """Of each tile."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A converter, and the engine that is installed beside it."""

    program: str
    packages: str
    """What pip installs into its environment."""
    size: str
    """Of the environment."""
    engine: str
    """The module that runs the result."""

    def find(self) -> Path:
        """The program; MissingToolError if it is not on PATH, or lacks its engine."""
        found = shutil.which(self.program)
        if found is None:
            raise MissingToolError(self.program, self.packages, self.size)
        program = Path(found).resolve()  # pipx links the programs of its environments
        code = f"import importlib.util as u, sys; sys.exit(u.find_spec({self.engine!r}) is None)"
        if subprocess.run([_python(program), "-I", "-c", code], capture_output=True, check=False).returncode:
            raise MissingToolError(f"{self.engine}, beside {found},", self.packages, self.size)
        return program

    def convert(self, arguments: Sequence[str], folder: Path) -> str:
        """Runs the program in a folder and returns what it prints; ExportError with its last line if it fails."""
        return _run([str(self.find()), *arguments], folder, self.program)

    def run(self, script: Path, model: Path, tiles: Sequence[Pixels]) -> "Ran":
        """Runs a converted model on tiles, by a script that takes MODEL TILES.npz OUT.npz."""
        with tempfile.TemporaryDirectory() as name:
            given, out = Path(name) / "tiles.npz", Path(name) / "out.npz"
            np.savez(given, *(tile.astype(np.float32) for tile in tiles))
            _run(
                [_python(self.find()), "-I", *map(str, (script, model.resolve(), given, out))], Path(name), self.engine
            )
            with np.load(out) as found:
                seconds = tuple(found["seconds"].tolist())
                outputs = [name for name in sorted(found.files) if name != "seconds"]
                return Ran(
                    [[found[name] for name in outputs if name[:3] == f"{k:03d}"] for k in range(len(tiles))], seconds
                )


def _python(program: Path) -> str:
    """The interpreter of the environment of a program."""
    return str(program.with_name("python.exe" if os.name == "nt" else "python"))


def _run(command: list[str], folder: Path, title: str) -> str:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    own |= {"PATH": os.pathsep.join([str(Path(command[0]).parent), own.get("PATH", "")])}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=own,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ExportError(f"{title} did not finish within {LONGEST_S} s; try a smaller tile") from None
    if done.returncode:
        raise ExportError(f"{title} failed: {_reason(done.stdout + done.stderr)}")
    return done.stdout + done.stderr


def _reason(text: str) -> str:
    """The line that says why: that with the operator, or the first with an error, or else the last."""
    lines = [line.strip() for line in _COLOR.sub("", text).splitlines() if line.strip()]
    for sign in ("onnx_op_", "error"):
        if found := next((line for line in lines if sign in line.lower()), ""):
            return found
    return lines[-1] if lines else "it says nothing"
