"""The program `smalti` that the plugin calls: where it is, whether it is recent enough, and its environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

OLDEST = (0, 2, 0)
"""The first version whose command line has everything that the plugin calls."""
SETTINGS = "Settings > Options > Processing > Providers > Smalti"
FOREIGN = ("PYTHON", "QT_", "GDAL_", "PROJ_")
"""Beginnings of variables that QGIS sets for libraries of its own; in another program they break its libraries."""
_PROGRESS_S = "1"
_ANSWER_S = 60
_versions: dict[tuple[str, float], tuple[int, ...]] = {}


class ProgramError(Exception):
    """There is no usable program; its text is one line that says what to do."""


def find(setting: str = "") -> str:
    """The path of the program: that of the setting, else on PATH, else in the usual places. Raises ProgramError."""
    if setting:
        if not Path(setting).is_file():
            raise ProgramError(f"there is no program {setting}; name another one in {SETTINGS}, or leave it empty")
        return setting
    found = shutil.which("smalti") or next((str(path) for path in usual_places() if os.access(path, os.X_OK)), None)
    if found is None:
        raise ProgramError(
            "the program smalti is neither on PATH nor in the usual places; install Smalti, or if it is elsewhere, "
            f"name it in {SETTINGS}"
        )
    return found


def usual_places(platform: str = sys.platform) -> list[Path]:
    """Files that an installation by pip, pipx or the packaged program creates."""
    home = Path.home()
    if platform == "win32":
        folders = [Path(os.environ[name]) for name in ("LOCALAPPDATA", "ProgramFiles") if name in os.environ]
        packaged = [folder / more / "smalti.exe" for folder in folders for more in ("Programs/Smalti", "Smalti")]
        scripts = sorted(Path(os.environ.get("APPDATA", home)).glob("Python/Python3*/Scripts/smalti.exe"), reverse=True)
        return [*packaged, home / ".local/bin/smalti.exe", *scripts]
    places = [home / ".local/bin/smalti", Path("/usr/local/bin/smalti"), Path("/opt/smalti/smalti")]
    if platform == "darwin":
        bundles = [folder / "Applications/Smalti.app/Contents/MacOS/smalti" for folder in (home, Path("/"))]
        return [*bundles, *places, Path("/opt/homebrew/bin/smalti")]
    return [*places, home / "smalti/smalti"]


def check(path: str) -> tuple[int, ...]:
    """The version of a program, such as (0, 1, 0). Raises ProgramError if it is too old, or not Smalti."""
    key = (path, Path(path).stat().st_mtime)
    if key not in _versions:
        _versions[key] = _ask(path)
    if _versions[key] < OLDEST:
        here, expected = (".".join(map(str, version)) for version in (_versions[key], OLDEST))
        raise ProgramError(
            f"{path} is Smalti {here}; this plugin needs {expected} or newer: update it, or name another program "
            f"in {SETTINGS}"
        )
    return _versions[key]


def _ask(path: str) -> tuple[int, ...]:
    try:
        asked = subprocess.run(
            [path, "--version"], capture_output=True, env=environment(), stdin=subprocess.DEVNULL, timeout=_ANSWER_S,
            **hidden(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramError(f"{path} does not run ({error}); name another program in {SETTINGS}") from None
    answer = asked.stdout.decode("utf-8", "replace").strip()
    version = re.fullmatch(r"smalti, version (\d+)\.(\d+)\.(\d+)\S*", answer)
    if asked.returncode or version is None:
        told = (answer or asked.stderr.decode("utf-8", "replace").strip() or "nothing").splitlines()[-1]
        raise ProgramError(f"{path} is not Smalti: it answers {told[:200]!r}; name another program in {SETTINGS}")
    return tuple(int(number) for number in version.groups())


def environment() -> dict[str, str]:
    """The variables of this process without those of QGIS's own libraries, for the program."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "SMALTI_PROGRESS_EVERY": _PROGRESS_S}


def hidden() -> dict[str, Any]:
    """Arguments of `subprocess.Popen` so that no console window opens on Windows."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {}
