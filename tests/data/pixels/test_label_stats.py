"""All labels read once: counts, refusals, and that a second look costs nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smalti.card import Card, Task
from smalti.data.identity import digests
from smalti.data.pixels.label_stats import census, total_counts
from smalti.data.pixels.labels import TruthFile
from smalti.data.pixels.scenes import FileScene, MemoryScene, drawn_scene, in_memory
from smalti.errors import DataError, LabelError
from smalti.raster.label_spec import LabelSpec
from smalti.raster.values import ValueSpec
from smalti.synth.scenery import TOWN

COVER = Task(name="cover", labels=("land", "water", "building", "vegetation", "road"))
DEPTH = Task(name="depth", kind="value", quantity="depth", unit="m")
CARD = Card(name="t", net="multitask", tasks=(COVER, DEPTH))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def scene(folder: Path, classes: np.ndarray, depths: np.ndarray) -> FileScene:
    Image.new("RGB", classes.shape[::-1]).save(folder / "image.png")
    Image.fromarray(classes.astype(np.uint8)).save(folder / "classes.png")
    Image.fromarray(depths.astype(np.uint16)).save(folder / "depths.png")
    truths = [
        TruthFile(COVER, folder / "classes.png", LabelSpec()),
        TruthFile(DEPTH, folder / "depths.png", ValueSpec(scale=0.001)),
    ]
    return FileScene(folder / "image.png", truths, CARD)


def halves(one: int, other: int) -> np.ndarray:
    return np.full((600, 40), one) if one == other else np.repeat([one, other], 300)[:, None].repeat(40, 1)


def counts(*scenes: FileScene | MemoryScene) -> dict[str, tuple[list[int], int]]:
    return {task: (each.pixels.tolist(), each.unknown) for task, each in census(scenes, CARD.tasks).items()}


def test_pixels_are_counted_by_class_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = scene(tmp_path, halves(255, 3), halves(0, 4000))
    half = 300 * 40
    expected = {"cover": ([0, 0, 0, half, 0], half), "depth": ([0, 0, half], half)}
    assert counts(found) == expected
    monkeypatch.setattr(FileScene, "read_targets", None)
    assert counts(in_memory(found)) == expected


def test_sources_add_up_even_where_one_has_no_such_task(tmp_path: Path) -> None:
    one = census([scene(tmp_path, halves(255, 3), halves(0, 0))], CARD.tasks)
    whole = total_counts([one, {"cover": one["cover"]}])
    assert whole["cover"].pixels.tolist() == [0, 0, 0, 24000, 0] and whole["cover"].share == 0.5
    assert whole["depth"].known == 0


def test_one_task_may_have_no_label_but_not_all(tmp_path: Path) -> None:
    assert counts(scene(tmp_path, halves(1, 1), halves(0, 0)))["depth"] == ([0, 0, 0], 24000)
    with pytest.raises(DataError, match=r"image\.png and 0 more: no pixel has a label of cover, depth"):
        census([scene(tmp_path, halves(255, 255), halves(0, 0))], CARD.tasks)


def test_a_damaged_label_deep_in_a_file_is_found(tmp_path: Path) -> None:
    classes = halves(0, 0)
    classes[599, 39] = 9
    with pytest.raises(LabelError, match="unknown class value 9 in 1 pixel, first at row 599, column 39"):
        census([scene(tmp_path, classes, halves(1, 1))], CARD.tasks)


def test_drawn_scenes_are_not_drawn_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryScene, "read_targets", None)
    assert counts(drawn_scene(1, 64, CARD, (COVER,), TOWN)) == {"cover": ([1] * 5, 0)}


def test_who_watches_is_told_how_far_it_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[object] = []

    def watch(title: str, total: int, unit: str) -> Callable[[float], object]:
        told.append((title, total, unit))
        return told.append

    one = scene(tmp_path, halves(1, 3), halves(0, 4000))
    census([one], CARD.tasks, watch)
    assert told == [("labels", 600 * 40, "Pix"), 512 * 40, 88 * 40]
    digests(one.files, watch)
    assert told[3:] == [("files", 3, ""), 1, 1, 1]
    census([one], CARD.tasks, watch)  # nothing is read again
    assert len(told) == 7 and capfd.readouterr() == ("", "")
