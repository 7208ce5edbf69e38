"""What must hold on Windows and macOS as well, tested as far as it can be where neither is at hand."""

import ast
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pytest

import smalti
from smalti.card import Card, Task
from smalti.datasets import folder as dataset_folder
from smalti.errors import OutputError
from smalti.files import beside, check_local
from smalti.mapping import places
from smalti.mapping.source import Source
from smalti.raster.check import is_local
from smalti.report import picture_folder as pictures
from tests.test_imports import torch_free
from tests.tiny import tiny_model

ONLY_UNIX = ("fcntl", "resource", "pwd", "grp", "termios", "syslog")
ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(Path(smalti.__file__).parent.rglob("*.py"))


def python_without_unix(code: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    """Runs a script in which the modules that only Unix has cannot be imported."""
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in ONLY_UNIX)
    command = [sys.executable, "-c", f"import sys; {blocked}\n{code}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_torch_free_half_imports_without_the_modules_of_unix() -> None:
    done = python_without_unix(f"import importlib\nfor name in {torch_free()!r}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


def test_scenes_are_mapped_without_the_modules_of_unix(tmp_path: Path) -> None:
    tiny_model(tmp_path / "tiny.onnx")
    scene, out = tmp_path / "scene.tif", tmp_path / "map.tif"
    code = "from smalti.cli import main\nsys.argv[0] = 'smalti'\nmain()"
    for arguments in (
        ("draw", scene, "--size", "64"),
        ("map", scene, "-o", out, "--model", tmp_path / "tiny.onnx", "--polygons", tmp_path / "map.gpkg"),
    ):
        done = python_without_unix(code, *arguments)
        assert done.returncode == 0, done.stderr
    assert out.exists() and (tmp_path / "map.gpkg").exists()
    assert not [path.name for path in tmp_path.iterdir() if path.suffix in (".lock", ".holder", ".partial")]


@pytest.mark.parametrize(
    "path", [r"C:\scenes\x.tif", "C:/scenes/x.tif", r"\\server\share\x.tif", r"..\x.tif", r"c:x.tif", "C:\\"]
)
def test_a_drive_is_no_scheme_of_a_url(path: str) -> None:
    assert not places.is_remote(path) and is_local(path)


class Windows(PureWindowsPath):
    """A path of Windows, in the folder C:\\here."""

    def absolute(self) -> "Windows":
        return type(self)(r"C:\here") / self

    def is_symlink(self) -> bool:
        return False


def test_maps_are_named_by_the_scenes_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "Path", Windows)
    found = [
        r"C:\scenes\a\x.tif",
        r"C:\scenes\b\x.tif",
        r"D:y.tif",
        r"\\server\share\z.v2.tif",
        "https://host/w.tif?q=1",
    ]
    sources = [Source((name,)) for name in found]
    names = [path.name for path in places.outputs(sources, r"C:\maps", True)]
    assert names == ["a_x.tif", "b_x.tif", "y.tif", "z.v2.tif", "w.tif"]
    assert {str(path.parent) for path in places.outputs(sources, r"C:\maps", True)} == {r"C:\maps"}


def test_what_belongs_to_an_output_lies_beside_it() -> None:
    assert str(beside(Windows(r"C:\maps\m.tif"), "lock")) == r"C:\maps\m.tif.lock"  # type: ignore[arg-type]


@pytest.mark.parametrize("output", [r"C:\maps\m.tif", "C:/maps/m.tif", r"\\server\share\m.tif", "m.tif"])
def test_a_drive_and_a_server_can_be_written_to(output: str) -> None:
    check_local(Windows(output))  # type: ignore[arg-type]
    check_local(output)


@pytest.mark.parametrize("output", ["s3://bucket/m.tif", "/vsis3/bucket/m.tif"])
def test_a_url_is_no_file_on_windows_either(output: str) -> None:
    for given in (Windows(output), output):
        with pytest.raises(OutputError, match=f"^{output}: only local files are written"):
            check_local(given)  # type: ignore[arg-type]


def test_pictures_of_images_in_folders_are_plain_files(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(pictures, "Path", PureWindowsPath)
    monkeypatch.setattr(pictures, "write_picture", lambda picture, path: written.append(path.name))
    task = Task(name="height", kind="value")
    picture = pictures.PictureFolder(Path("out"), Card(name="n", net="n", tasks=(task,)))
    picture(r"C:\images\town 1\a.tif", {"height": np.zeros((2, 2), np.float32)})
    assert written == ["C_images_town_1_a.png"]


def folder_of_pictures(folder: Path) -> pictures.PictureFolder:
    """For a model of classes, and of heights."""
    tasks = (Task(name="landcover", labels=("a", "b")), Task(name="height", kind="value"))
    return pictures.PictureFolder(folder, Card(name="n", net="n", tasks=tasks))


def test_images_without_an_ending_have_pictures_of_their_own(tmp_path: Path) -> None:
    keep = folder_of_pictures(tmp_path)
    images = ["area_1.1", "area_1.2", "town/b.TIF"]
    keep.check(images)
    for image in images:
        keep(image, {"landcover": np.zeros((2, 2), np.uint8), "height": np.zeros((2, 2), np.float32)})
    stems = ("area_1.1", "area_1.2", "town_b")
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{stem}{more}.png" for stem in stems for more in ("", "_height")
    }


@pytest.mark.parametrize(
    ("other", "name", "task"), [("a_b.png", "a_b.png", "landcover"), ("a/b_height.png", "a_b_height.png", "height")]
)
def test_two_maps_of_one_picture_are_refused_before_the_first_image(
    other: str, name: str, task: str, tmp_path: Path
) -> None:
    told = rf"{name}: would be the picture of both {task} of a/b\.png and landcover of {other}; rename an image"
    with pytest.raises(OutputError, match=told):
        folder_of_pictures(tmp_path).check(["a/b.png", other])


def test_pictures_of_all_tasks_are_checked_before_the_first_image(tmp_path: Path) -> None:
    (tmp_path / "a_height.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"a_height\.png: exists and was not written by smalti"):
        folder_of_pictures(tmp_path).check(["a.png"])


def test_the_layout_of_a_data_set_is_found_below_folders_of_windows() -> None:
    keys = {dataset_folder.plain(PureWindowsPath("Top", "a 1.TIF").as_posix())}
    assert keys == {dataset_folder.plain(PurePosixPath("Top", "a 1.TIF").as_posix())}


def unclear(call: ast.Call) -> bool:
    """Whether a call reads or writes text in the encoding of the machine, which on Windows is not UTF-8."""
    called = ast.unparse(call.func)
    name = "" if called == "rasterio.open" else called.rpartition(".")[2]
    told = any(keyword.arg == "encoding" for keyword in call.keywords)
    if name in ("read_text", "write_text"):
        return not told
    modes = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    text = [mode for mode in modes if isinstance(mode, str) and set(mode) <= set("rwax+t") and mode]
    of_text = any(keyword.arg in ("newline", "errors") for keyword in call.keywords)
    return name == "open" and (bool(text) or of_text or (called == "open" and len(call.args) == 1)) and not told


def test_text_is_utf8_on_every_machine() -> None:
    sources = [*SOURCES, *(path for folder in ("qgis", "tools") for path in (ROOT / folder).rglob("*.py"))]
    trees = {source: ast.parse(source.read_text(encoding="utf-8")) for source in sources}
    calls = [(source, node) for source, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [f"{source}:{call.lineno}" for source, call in calls if unclear(call)]
