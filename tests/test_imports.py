"""The torch-free half runs where torch is not installed; the layers themselves are kept by import-linter."""

import os
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import smalti

ROOT = Path(__file__).resolve().parent.parent
NEEDS_TORCH = ("nets", "data", "losses", "training", "deploy", "workflows.run_folder", "workflows.training_run",
               "workflows.prune_work", "workflows.shrink_done", "workflows.shrink_folder", "workflows.shrink_rounds",
               "workflows.shrink_work", "workflows.teach_deep")  # fmt: skip
TORCH = ("torch", "lightning", "safetensors", "onnx", "onnxscript", "tensorboard")


def torch_free() -> list[str]:
    """Every module of the package outside the rooms that need torch: a new module is covered by itself."""
    names = [m.name for m in pkgutil.walk_packages(smalti.__path__, "smalti.")]
    heavy = tuple(f"smalti.{room}" for room in NEEDS_TORCH)
    return [n for n in names if not any(n == h or n.startswith(h + ".") for h in heavy)]


def python(code: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=folder)


def test_the_torch_free_half_imports_without_torch() -> None:
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in TORCH)
    code = f"import importlib, sys; {blocked}\nfor name in {torch_free()!r}: importlib.import_module(name)"
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_every_torch_free_room_is_in_the_contract_of_the_import_linter() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [forbidden] = [c for c in contracts if c["type"] == "forbidden"]
    lazy = {
        "smalti.app",
        "smalti.cli",
        "smalti.workflows",
        "smalti.__main__",
    }  # they import torch where a verb needs it
    rooms = {".".join(name.split(".")[:2]) for name in torch_free()} - lazy
    assert rooms == set(forbidden["source_modules"])


def needs_opencv(name: str) -> bool:
    rooms = ("synth", "photos", "workflows.draw", "workflows.demo", "workflows.photos", "workflows.photo_folders",
             "workflows.evaluate_photos")  # fmt: skip
    return any(name == f"smalti.{room}" or name.startswith(f"smalti.{room}.") for room in (*rooms, "cli.photo_lines"))


def test_all_but_drawings_and_photos_imports_without_opencv_and_pyogrio() -> None:
    names = [name for name in torch_free() if not needs_opencv(name)]
    blocked = "sys.modules['cv2'] = sys.modules['pyogrio'] = None"
    code = f"import importlib, sys; {blocked}\nfor name in {names!r}: importlib.import_module(name)"
    done = python(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "extra"), [(["draw", "a.tif"], "draw"), (["demo", "out"], "draw"), (["photos", "."], "photos")]
)
def test_drawings_and_photos_name_the_extra_that_has_opencv(command: list[str], extra: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules['cv2'] = None; sys.argv[1:] = {command!r}; from smalti.cli import main; main()"
    done = python(code, tmp_path)
    assert done.returncode == 1 and not any(tmp_path.iterdir())
    assert done.stderr.startswith("smalti: OpenCV, ") and done.stderr.endswith(f"pip install 'smalti[{extra}]'\n")


@pytest.mark.skipif(sys.platform != "linux", reason="the OpenMP of torch's wheels for Linux prints its settings")
@pytest.mark.parametrize(("given", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "active"}, "ACTIVE")])
def test_waiting_threads_of_torch_sleep_unless_the_user_says_otherwise(given: dict[str, str], policy: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", "import smalti.training.loop"], capture_output=True, text=True, timeout=120, check=True,
        env=environment | given | {"OMP_DISPLAY_ENV": "true"},
    )  # fmt: skip
    assert f"OMP_WAIT_POLICY = '{policy}'" in done.stderr
