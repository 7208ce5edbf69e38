"""A QGIS with the plugin, and a program for it to call: the source beside it."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = "apt-get install --no-install-recommends qgis qgis-providers python3-qgis xvfb"
PYTHON = os.environ.get("QGIS_PYTHON", "/usr/bin/python3")
"""The interpreter that imports `qgis`."""
_PLUGINS = "/usr/share/qgis/python/plugins"


class Qgis:
    """QGIS with a home of its own, in which the zip of the plugin is installed and enabled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (home := folder / "home").mkdir()
        (folder / "run").mkdir(mode=0o700)
        profile = home / ".local/share/QGIS/QGIS3/profiles/default"
        (profile / "QGIS").mkdir(parents=True)
        (profile / "QGIS/QGIS3.ini").write_text("[PythonPlugins]\nsmalti_qgis=true\n", encoding="utf-8")
        made = subprocess.run(
            [sys.executable, ROOT / "tools/qgis_plugin.py"], check=True, capture_output=True, text=True
        )
        shutil.unpack_archive(ROOT / made.stdout.strip(), profile / "python/plugins")
        self._plugins = profile / "python/plugins"
        self._variables = {"HOME": str(home), "XDG_RUNTIME_DIR": str(folder / "run"), "LC_ALL": "C.UTF-8",
                           "PATH": f"{folder / 'bin'}:/usr/bin:/bin"}  # fmt: skip

    def run(self, *command: str | Path, window: bool = False, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of QGIS, in a window of its own or in none."""
        variables = self._variables | ({} if window else {"QT_QPA_PLATFORM": "offscreen"}) | more
        given = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24"] if window else []
        return subprocess.run(
            [*given, *command], env=variables, cwd=self.folder, capture_output=True, text=True, timeout=600
        )

    def tool(self, name: str | Path, **parameters: object) -> subprocess.CompletedProcess[str]:
        """Runs a tool, or a model of the model builder, by `qgis_process`."""
        given = [f"{key.replace('__', ':')}={value}" for key, value in parameters.items()]
        return self.run("qgis_process.bin", "run", str(name), "--json", "--", *given)

    def script(self, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a script that imports `qgis`, without a window."""
        return self.run(PYTHON, path, *arguments, PYTHONPATH=f"{self._plugins}:{_PLUGINS}")


@pytest.fixture(scope="session")
def qgis(tmp_path_factory: pytest.TempPathFactory) -> Qgis:
    """It, with a scene to map, the same under another name, a larger one, and a model of classes and heights."""
    if shutil.which("qgis_process.bin") is None:
        pytest.fail(f"QGIS is not installed; install it with: {INSTALL}", pytrace=False)
    folder = tmp_path_factory.mktemp("qgis")
    _program(folder / "bin/smalti", f'PYTHONPATH={ROOT / "src"} exec "{sys.executable}" -m smalti "$@"')
    _program(
        folder / "bin/google-chrome",
        f'echo "$1" > "{folder}/browser"; while [ ! -e "{folder}/close" ]; do sleep 0.1; done',
    )
    _program(folder / "old", 'echo "smalti, version 0.0.9"')
    _program(folder / "other", "echo hello")
    _program(folder / "removed", "echo gone soon")
    found = Qgis(folder)
    for name, size in (("scene", 512), ("large", 1536)):
        subprocess.run([folder / "bin/smalti", "draw", folder / f"{name}.tif", f"--size={size}"], check=True)
    shutil.copy(folder / "scene.tif", folder / "Stadt Süd (2).tif")
    shutil.copy(ROOT / "src/smalti/samples/santa_monica.jpg", folder)
    shutil.copy(ROOT / "src/smalti/models/town.onnx", folder / "own model.onnx")
    (folder / "locked").touch()
    return found


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
