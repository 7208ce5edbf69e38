import errno
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalti.errors import OutputError
from smalti.mapping.spool import Spool, StripLayer
from smalti.tiling import Window

LAYERS = (StripLayer(1, np.dtype(np.uint8)), StripLayer(2, np.dtype(np.float32)))


def opened(folder: Path, made_of: str = "this") -> Spool:
    return Spool(folder / "spool", {"made of": made_of}, LAYERS, height=5, width=6)


def fill(spool: Spool, row: int, rows: int, upto: int = 6) -> None:
    for col in range(0, upto, 3):
        ids = np.arange(rows * 3, dtype=np.uint8).reshape(1, rows, 3) + row + col
        spool.put(Window(row, col, rows, 3), (ids, np.concatenate([ids, -ids.astype(np.float32)])))


def test_strips_come_back_as_they_were_put(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, 0, 2)
    fill(spool, 2, 2)
    fill(spool, 4, 1)
    assert spool.rows_done == 5
    ids, values = spool.read(0, 1, 5), spool.read(1, 1, 5)
    assert (ids.shape, values.shape) == ((1, 4, 6), (2, 4, 6))
    assert ids[0, 0].tolist() == [3, 4, 5, 6, 7, 8]
    assert (values[0] == ids[0]).all()
    assert (values[1] == -values[0]).all()


@pytest.mark.parametrize("at_once", [1, 60, 1000])
def test_windows_are_written_together_or_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    expected = opened(tmp_path / "all")
    fill(expected, 0, 5)
    monkeypatch.setattr("smalti.mapping.spool._AT_ONCE", at_once)
    spool = opened(tmp_path)
    fill(spool, 0, 5, upto=3)
    assert bool(list(spool.folder.glob("*.new"))) == (at_once < 1000)
    fill(spool, 0, 5)  # killed, and begun again
    for layer in (0, 1):
        np.testing.assert_array_equal(spool.read(layer, 0, 5), expected.read(layer, 0, 5))


def test_any_rows_can_be_read(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for row, rows in ((0, 2), (2, 2), (4, 1)):
        fill(spool, row, rows)
    whole = spool.read(0, 0, 5)
    for begin, end in itertools.combinations(range(6), 2):
        np.testing.assert_array_equal(spool.read(0, begin, end), whole[:, begin:end])


def test_a_spool_makes_its_folder_and_takes_it_away_again(tmp_path: Path) -> None:
    spool = opened(tmp_path / "new")
    fill(spool, 0, 2)
    for _ in range(2):  # somebody may have been faster
        spool.remove()
        assert list((tmp_path / "new").iterdir()) == []


def test_a_removal_can_be_killed_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(tmp_path)
    for row in (0, 2):
        fill(spool, row, 2)
    for k in range(20):  # the order in which a folder is listed is not known
        spool.keep(f"unlike{k}.json", b"[]")
    plain = os.unlink
    removed: list[str] = []

    def unlink(path: Any, **more: Any) -> None:
        removed.append(Path(path).name)
        plain(path, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        spool.remove()
    assert len(removed) == 23 and removed[-1] == "job.json"  # until then it is known to be a spool
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_removed_is_still_known_as_a_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(tmp_path)
    fill(spool, 0, 2)
    plain = os.unlink

    def unlink(path: Any, **more: Any) -> None:
        if Path(path).name.startswith("rows_"):
            raise PermissionError("open elsewhere")
        plain(path, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        spool.remove()
    assert opened(tmp_path).rows_done == 2


def test_what_strips_are_made_of_has_no_order(tmp_path: Path) -> None:
    for made_of in ({"a": 1, "b": 2}, {"b": 2, "a": 1}):
        assert not Spool(tmp_path / "spool", made_of, LAYERS, height=5, width=6).discarded


def test_a_strip_and_its_folder_are_on_the_disk_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = opened(tmp_path)
    synced = []

    def note(handle: int) -> None:
        state = os.fstat(handle)
        synced.append((state.st_ino, state.st_size))

    monkeypatch.setattr("smalti.mapping.spool.os.fsync", note)
    fill(spool, 0, 2)
    (strip,) = spool.folder.glob("rows_*")
    assert synced[0] == (strip.stat().st_ino, strip.stat().st_size)
    assert [ino for ino, _ in synced[1:]] == [spool.folder.stat().st_ino]


def test_a_strip_for_which_there_is_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("smalti.mapping.spool.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        fill(spool, 0, 2)
    assert [path.name for path in spool.folder.iterdir()] == ["job.json"] and spool.rows_done == 0


def test_a_spool_goes_on_after_its_last_whole_strip(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, 0, 2)
    fill(spool, 2, 2, upto=3)  # only half of it
    again = opened(tmp_path)
    assert (again.rows_done, again.discarded) == (2, False)
    fill(again, 2, 2)
    assert opened(tmp_path).rows_done == 4


def test_a_strip_of_the_wrong_length_does_not_count(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, 0, 2)
    fill(spool, 2, 2)
    first = min(spool.folder.glob("rows_*"))
    first.write_bytes(first.read_bytes()[:-1])
    again = opened(tmp_path)
    assert (again.rows_done, again.gaps()) == (2, [(0, 2), (4, 5)])
    assert (again.gaps(2, 4), again.gaps(0, 4), again.gaps(3, 5)) == ([], [(0, 2)], [(4, 5)])


def test_strips_made_of_something_else_are_thrown_away(tmp_path: Path) -> None:
    fill(opened(tmp_path), 0, 2)
    other = opened(tmp_path, "that")
    assert (other.rows_done, other.discarded) == (0, True)
    assert opened(tmp_path, "that").discarded is False


def test_a_spool_that_was_killed_at_its_birth_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    assert opened(tmp_path).discarded is False


@pytest.mark.parametrize("left", ["file", "folder", "note"])
def test_what_no_job_has_left_is_not_taken_for_a_spool(tmp_path: Path, left: str) -> None:
    own = tmp_path / "spool" / ("job.json" if left == "note" else "diary.txt")
    if left == "file":
        own = tmp_path / "spool"
    own.parent.mkdir(exist_ok=True)
    own.write_text("mine")
    with pytest.raises(OutputError, match="spool: exists and was not left by a job; rename it"):
        opened(tmp_path)
    assert own.read_text() == "mine"


@pytest.mark.parametrize("left", [[], ["job.new"]])
def test_a_spool_whose_note_was_not_written_is_begun_anew(tmp_path: Path, left: list[str]) -> None:
    (tmp_path / "spool").mkdir()
    for name in left:
        (tmp_path / "spool" / name).touch()
    assert opened(tmp_path).rows_done == 0
