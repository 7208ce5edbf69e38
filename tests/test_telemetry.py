"""Nothing phones home: commands run where a socket of the internet is death, and leave no file but their own."""

import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.tiny import tiny_model

SOCKET = {"x86_64": 41, "aarch64": 198}
"""The number of the system call `socket`."""

FORBID = f"""
import ctypes, struct
def forbid():
    # Loads of the call's number and its first argument, and jumps: sockets of AF_INET (2) or AF_INET6 (10) kill.
    steps = [(0x20, 0, 0, 0), (0x15, 0, 4, {SOCKET.get(platform.machine())}), (0x20, 0, 0, 16), (0x15, 1, 0, 2),
             (0x15, 0, 1, 10), (0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0):
        raise OSError(ctypes.get_errno(), "no filter")
forbid()
"""
MAP = "from smalti.cli import main; import sys; sys.argv = ['smalti', *{arguments!r}]; main()"
EVERYTHING = (
    "import sys; sys.modules['boto3'] = None; "  # rasterio imports it where it is, and it tries whether ::1 exists
    "import smalti.runtime.onnx, smalti.runtime.openvino, smalti.training.loop, smalti.deploy.onnx; "
    "import lightning.fabric, tensorboard, onnxscript, huggingface_hub, time; time.sleep(1)"
)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in SOCKET, reason="the filter of system calls is Linux's"
)


def run(home: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a process that a socket of the internet kills, with a home of its own."""
    home.mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("XDG_") and "TELEMETRY" not in k and k != "CI"}
    own = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    return subprocess.run(
        [sys.executable, "-c", FORBID + code], env=kept | own, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_filter_kills_what_opens_a_socket(tmp_path: Path) -> None:
    assert run(tmp_path, "import socket; socket.socket()").returncode == -31  # SIGSYS
    assert run(tmp_path, "import socket; socket.socket(socket.AF_UNIX)").returncode == 0


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_a_map_asks_no_network_and_leaves_no_stray_file(tmp_path: Path, engine: str) -> None:
    if importlib.util.find_spec({"onnx": "onnxruntime"}.get(engine, engine)) is None:
        pytest.skip(f"{engine} is not installed")
    Image.new("RGB", (70, 50), (10, 200, 30)).save(tmp_path / "a.png")
    model = tiny_model(tmp_path / "tiny.onnx")
    home = tmp_path / "home"
    arguments = [str(tmp_path / "a.png"), "-o", str(tmp_path / "m.tif"), "--model", str(model), "--engine", engine]
    done = run(home, MAP.format(arguments=["map", *arguments]))
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []
    assert {path.name for path in tmp_path.glob("m.*")} == {"m.tif", "m.tif.aux.xml", "m.qml"}


@pytest.mark.slow
def test_training_and_export_ask_no_network_when_they_are_loaded(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    done = run(tmp_path / "home", EVERYTHING)
    assert done.returncode == 0, done.stderr
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []
