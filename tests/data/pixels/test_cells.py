"""The index of classes: what it draws, and when it reads labels."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smalti.card import Card, Task
from smalti.data.cache import stamp_files
from smalti.data.pixels.cells import Index
from smalti.data.pixels.labels import TruthFile
from smalti.data.pixels.sample import Patch
from smalti.data.pixels.scenes import FileScene, MemoryScene, Scene, in_memory
from smalti.errors import DataError
from smalti.raster.grid import Grid
from smalti.raster.label_spec import LabelSpec
from smalti.tiling import Window

TASK = Task(name="classes", labels=("other", "house", "pond"))
CARD = Card(name="t", net="ued", tasks=(TASK,))


def scene_of(labels: np.ndarray) -> MemoryScene:
    whole = Patch(labels[..., None].repeat(3, 2), {"classes": labels}, np.ones(labels.shape, bool))
    return MemoryScene("made", None, Grid(*labels.shape), (TASK,), lambda: whole)


def test_a_class_that_is_nowhere_gets_no_windows_and_none_at_all_is_an_error() -> None:
    index = Index([scene_of(np.full((100, 70), 1, np.uint8))], TASK)
    rng = np.random.default_rng(0)
    places = [index.place(rng) for _ in range(200)]
    assert all(number == 0 and 0 <= row < 100 and 0 <= col < 70 for number, row, col in places)
    assert index.seen == {1}
    with pytest.raises(DataError, match="made and 0 more: no pixel has a class"):
        Index([scene_of(np.full((64, 64), TASK.ignore, np.uint8))], TASK)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "smalti" / "classes"


def write_labels(folder: Path, labels: np.ndarray) -> None:
    Image.fromarray(labels.astype(np.uint8)).save(folder / "labels.png")


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Window]:
    """The windows that were read of the scene in the test's folder."""
    Image.new("RGB", (130, 70)).save(tmp_path / "image.png")
    labels = np.zeros((70, 130))
    labels[66:, :50] = 2
    write_labels(tmp_path, labels)
    seen: list[Window] = []
    read = FileScene.read_targets
    monkeypatch.setattr(FileScene, "read_targets", lambda scene, window: seen.append(window) or read(scene, window))
    return seen


def opened(folder: Path, **spec: object) -> Scene:
    return FileScene(
        folder / "image.png", [TruthFile(TASK, folder / "labels.png", LabelSpec.model_validate(spec))], CARD
    )


def drawn(index: Index) -> list[tuple[int, int, int]]:
    rng = np.random.default_rng(3)
    return [index.place(rng) for _ in range(20)]


def test_at_the_second_start_no_labels_are_read(tmp_path: Path, cache: Path, reads: list[Window]) -> None:
    first = Index([opened(tmp_path)], TASK)
    assert len(reads) == 6  # cells of 64 pixels
    reads.clear()
    again = Index([in_memory(opened(tmp_path))], TASK)
    assert not reads and again.seen == first.seen == {0, 2} and drawn(again) == drawn(first)
    assert [path.suffix for path in cache.iterdir()] == [".npz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "image.png", "labels.png"]


def test_what_decides_about_the_labels_decides_about_what_is_kept(
    tmp_path: Path, cache: Path, reads: list[Window]
) -> None:
    Index([opened(tmp_path)], TASK)
    reads.clear()
    assert Index([opened(tmp_path, ids={0: "pond", 2: "house"})], TASK).seen == {1, 2} and reads
    write_labels(tmp_path, np.ones((70, 130)))
    assert Index([opened(tmp_path)], TASK).seen == {1}
    reads.clear()
    os.utime(tmp_path / "labels.png", ns=(1, 1))
    Index([opened(tmp_path)], TASK)
    assert reads


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, cache: Path, reads: list[Window], damage: bytes | None) -> None:
    first = Index([opened(tmp_path)], TASK)
    [file] = cache.iterdir()
    whole = file.read_bytes()
    if damage is None:
        np.savez(file, counts=np.zeros((2, 3), np.uint16))
    else:
        file.write_bytes(damage)
    reads.clear()
    assert drawn(Index([opened(tmp_path)], TASK)) == drawn(first) and reads
    assert len(file.read_bytes()) == len(whole)
    middle = bytearray(whole)
    middle[len(middle) // 2] ^= 255
    file.write_bytes(middle)
    assert drawn(Index([opened(tmp_path)], TASK)) == drawn(first)


def test_without_a_cache_folder_all_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[Window]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert Index([opened(tmp_path)], TASK).seen == {0, 2}
    assert Index([opened(tmp_path)], TASK).seen == {0, 2} and len(reads) == 12


def test_drawn_and_remote_scenes_are_not_kept(cache: Path) -> None:
    Index([scene_of(np.zeros((64, 64), np.uint8))], TASK)
    assert not cache.exists() and stamp_files(Path("https://example.org/labels.tif")) == ""


def test_all_files_of_a_shape_count(tmp_path: Path) -> None:
    for suffix in (".shp", ".dbf"):
        (tmp_path / f"a{suffix}").touch()
    before = stamp_files(tmp_path / "a.shp")
    (tmp_path / "a.dbf").write_text("x")
    assert stamp_files(tmp_path / "a.shp") != before
