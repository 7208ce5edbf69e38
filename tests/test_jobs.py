import errno
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from filelock import FileLock, Timeout

from smalti.errors import BusyError, OutputError
from smalti.jobs import (
    Layer,
    Spool,
    appearing,
    check_place,
    deliver,
    guarded,
    hold,
    publish,
    sweep,
    sync,
    user_cache,
    user_data,
    write_whole,
)
from smalti.tiling import Window

LAYERS = (Layer(1, np.dtype(np.uint8)), Layer(2, np.dtype(np.float32)))


def opened(folder: Path, made_of: str = "this") -> Spool:
    return Spool(folder / "spool", {"made of": made_of}, LAYERS, height=5, width=6)


def fill(spool: Spool, row: int, rows: int, upto: int = 6) -> None:
    for col in range(0, upto, 3):
        ids = np.arange(rows * 3, dtype=np.uint8).reshape(1, rows, 3) + row + col
        spool.put(Window(row, col, rows, 3), (ids, np.concatenate([ids, -ids.astype(np.float32)])))


def test_a_second_holder_hears_who_the_first_is(tmp_path: Path) -> None:
    output = tmp_path / "new folder" / "map.tif"
    code = f"from pathlib import Path; from smalti.jobs import hold\nwith hold(Path({str(output)!r})): pass"
    with hold(output):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert f"{output}: PID" in done.stderr.splitlines()[-1]
        assert "BusyError" in done.stderr
    with hold(output):
        pass
    assert list(output.parent.iterdir()) == []


def test_a_lock_that_nobody_holds_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "map.tif.lock").write_text("PID 1 on a machine that lost its power\n")
    with hold(tmp_path / "map.tif"), pytest.raises(BusyError, match="PID"), hold(tmp_path / "map.tif"):
        pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"map\.tif: cannot be written: (file exists|not a directory)"):
        hold(tmp_path / "file" / "map.tif").__enter__()


def test_a_folder_in_which_nothing_can_be_made_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> None:  # as in /proc
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def timeout(*_: object, **__: object) -> None:
        raise Timeout("lock")

    monkeypatch.setattr(Path, "touch", refuse)
    monkeypatch.setattr(FileLock, "acquire", timeout)
    with pytest.raises(OutputError, match="no such file"):
        hold(tmp_path / "map.tif").__enter__()


@pytest.mark.parametrize("name", ["two\nlines.gpkg", "no\udcffutf8.tif", "bell\a.tif"])
def test_names_that_libraries_do_not_write_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be printed") as refused:
        check_place(tmp_path / name)
    assert str(refused.value).isprintable()
    check_place(tmp_path / "é ü 日本 %20#?'\".tif")


def test_a_lock_that_went_while_it_was_asked_for_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[FileLock] = []
    acquire = FileLock.acquire

    def late(lock: FileLock, *arguments: object, **options: object) -> object:
        tried.append(lock)
        assert options == {"timeout": 0}
        if len(tried) == 1:
            raise Timeout(lock.lock_file)
        return acquire(lock, *arguments, **options)

    monkeypatch.setattr(FileLock, "acquire", late)
    with hold(tmp_path / "map.tif"):
        assert len(tried) == 2


def test_a_killed_holder_is_forgotten(tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    code = (
        "import os, signal; from pathlib import Path; from smalti.jobs import hold\n"
        f"with hold(Path({str(output)!r})): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert {path.name for path in tmp_path.iterdir()} == {"map.tif.lock", "map.tif.holder"}
    with hold(output), pytest.raises(BusyError, match=f"PID {os.getpid()} on "), hold(output):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_cache_lies_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert (user_cache(), user_data()) == (tmp_path / "cache" / "smalti", tmp_path / "data" / "smalti")


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError("uid not found")

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert (user_cache(), user_data()) == (None, None)


def test_windows_syncs_files_and_no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    opened: list[tuple[str, int]] = []
    with monkeypatch.context() as patch:
        patch.setattr("smalti.jobs._WINDOWS", True)
        patch.setattr("smalti.jobs.os.open", lambda path, flags: opened.append((Path(path).name, flags)) or 9)
        patch.setattr("smalti.jobs.os.fsync", lambda handle: None)
        patch.setattr("smalti.jobs.os.close", lambda handle: None)
        sync(tmp_path / "file")
        sync(tmp_path)
    assert opened == [("file", os.O_RDWR)]


def test_what_appears_replaces_a_file_with_its_permissions_on(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o640)
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_was_asked_for_may_lie_in_folders_that_are_not_there(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        deliver(tmp_path / "a" / "b" / "c", content)
        assert (tmp_path / "a" / "b" / "c").read_bytes() == content
    with hold(tmp_path / "d" / "e" / "map.tif"):
        assert (tmp_path / "d" / "e" / "map.tif.lock").exists()


def test_a_file_and_its_folder_are_synced_before_it_counts_as_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("x")
    opened, synced, closed = [], [], []
    real_open, real_close = os.open, os.close

    def note(path: object, flags: int) -> int:
        opened.append(real_open(path, flags))  # type: ignore[arg-type]
        return opened[-1]

    with monkeypatch.context() as patch:
        patch.setattr("smalti.jobs.os.open", note)
        patch.setattr("smalti.jobs.os.fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
        patch.setattr("smalti.jobs.os.close", lambda handle: closed.append(handle) or real_close(handle))
        publish(tmp_path / "a", tmp_path / "b")
    assert synced == [path.stat().st_ino for path in (tmp_path / "b", tmp_path)] and closed == opened


def test_a_holder_without_a_note_is_another_process(tmp_path: Path) -> None:
    with hold(tmp_path / "map.tif"):
        (tmp_path / "map.tif.holder").unlink()
        with pytest.raises(BusyError, match="another process is already making it"), hold(tmp_path / "map.tif"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_held_where_the_note_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "map.tif.holder").mkdir()
    with pytest.raises(OutputError, match="is a directory"), hold(tmp_path / "map.tif"):
        pass
    (tmp_path / "map.tif.holder").rmdir()
    with hold(tmp_path / "map.tif"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="counts file descriptors")
def test_a_lock_is_let_go_by_any_thread_and_not_left_to_the_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileLock, "__del__", lambda _: None)
    process = psutil.Process()
    with hold(tmp_path / "map.tif"):  # what is imported late is there now
        pass
    before = process.num_fds()
    held = hold(tmp_path / "map.tif")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(held.__enter__).result()
    held.__exit__(None, None, None)
    (tmp_path / "map.tif.holder").mkdir()
    with pytest.raises(OutputError, match="is a directory"):
        hold(tmp_path / "map.tif").__enter__()
    assert process.num_fds() == before


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

    monkeypatch.setattr("smalti.jobs.os.fsync", note)
    fill(spool, 0, 2)
    (strip,) = spool.folder.glob("rows_*")
    assert synced[0] == (strip.stat().st_ino, strip.stat().st_size)
    assert [ino for ino, _ in synced[1:]] == [spool.folder.stat().st_ino]


def test_a_strip_for_which_there_is_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("smalti.jobs.os.fsync", full)
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


def test_a_strip_of_the_wrong_length_and_all_after_it_do_not_count(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    fill(spool, 0, 2)
    fill(spool, 2, 2)
    first = min(spool.folder.glob("rows_*"))
    first.write_bytes(first.read_bytes()[:-1])
    assert opened(tmp_path).rows_done == 0


def test_strips_made_of_something_else_are_thrown_away(tmp_path: Path) -> None:
    fill(opened(tmp_path), 0, 2)
    other = opened(tmp_path, "that")
    assert (other.rows_done, other.discarded) == (0, True)
    assert opened(tmp_path, "that").discarded is False


def test_a_spool_that_was_killed_at_its_birth_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    assert opened(tmp_path).discarded is False


def test_publishing_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    publish(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"
    assert not (tmp_path / "a").exists()


def test_refusals_of_the_file_system_become_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="x: cannot be written: no space left on device"), guarded(Path("x")):
        raise OSError(28, "No space left on device")


def test_what_is_written_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "scores.json"
    link.symlink_to(Path("disk") / "real.json")
    for content in (b"1", b"2"):
        deliver(link, content)
        assert link.is_symlink()
        assert (tmp_path / "disk" / "real.json").read_bytes() == content
    assert [entry.name for entry in (tmp_path / "disk").iterdir()] == ["real.json"]
    with hold(link), pytest.raises(BusyError), hold(tmp_path / "disk" / "real.json"):
        pass


@pytest.mark.parametrize("name", ["s3://bucket/m.tif", "s3:/bucket/m.tif", "file:///tmp/m.tif", "/vsis3/bucket/m.tif"])
def test_urls_are_not_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writers: tuple[Callable[[Path], object], ...] = (
        check_place,
        lambda path: write_whole(path, b""),
        lambda path: deliver(path, b""),
        lambda path: hold(path).__enter__(),
    )
    for write in writers:
        with pytest.raises(OutputError, match=r"(s3://bucket|file:///?tmp|/vsis3/bucket)/m\.tif: only local files"):
            write(Path(name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refused", [os.W_OK, os.X_OK])
def test_a_folder_must_be_open_to_new_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int) -> None:
    monkeypatch.setattr("smalti.jobs.os.access", lambda _, mode: not mode & refused)
    with pytest.raises(OutputError, match="cannot be written to"):
        check_place(tmp_path / "m.tif")


def test_what_does_not_appear_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no space"), appearing(tmp_path / "a.gpkg", ".gpkg") as unfinished:
        unfinished.write_bytes(b"half")
        unfinished.with_name(f"{unfinished.name}-journal").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_there_is_nothing_to_sweep_in_a_folder_that_is_missing(tmp_path: Path) -> None:
    sweep(tmp_path / "missing" / "map.tif")


def test_an_unfinished_file_of_another_machine_is_nobodys_after_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000
    for age in (3599, 3600, 3601):
        path = tmp_path / f"map.tif.elsewhere-{age}.unfinished"
        path.touch()
        os.utime(path, (now - age, now - age))
    monkeypatch.setattr("smalti.jobs.time.time", lambda: float(now))
    sweep(tmp_path / "map.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "map.tif.elsewhere-3599.unfinished",
        "map.tif.elsewhere-3600.unfinished",
    ]


KILLED = """
import os, signal, sys
from pathlib import Path
from smalti.jobs import appearing
with appearing(Path(sys.argv[1]), ".gpkg") as unfinished:
    unfinished.write_bytes(b"half")
    unfinished.with_name(unfinished.name + "-journal").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path: Path) -> None:
    output = tmp_path / "state.v2.pt"
    subprocess.run([sys.executable, "-c", KILLED, str(output)], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    alive = f"state.v2.pt.{os.getppid()}.unfinished"
    kept = (alive, "other.pt.99999999.unfinished", "state.v2.pt.far-away-99999999.unfinished", "state.v2.pt.unfinished")
    for name in (*kept, "state.v2.pt.99999999.unfinished", "state.v2.pt.old-7.unfinished"):
        (tmp_path / name).write_bytes(b"")
    os.utime(tmp_path / "state.v2.pt.old-7.unfinished", (0, 0))
    write_whole(output, b"whole")
    assert {entry.name for entry in tmp_path.iterdir()} == {output.name, *kept}


def test_a_place_for_a_file_is_checked_without_writing(tmp_path: Path) -> None:
    check_place(tmp_path / "m.tif")
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("no/m.tif", "there is no such folder"),
        ("folder", "is a directory"),
        ("x" * 250, "name too long"),
    ):
        with pytest.raises(OutputError, match=message):
            check_place(tmp_path / name)
    check_place(tmp_path / "new" / "deep" / "m.tif", parents=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"not a directory|no such folder"):
        check_place(tmp_path / "file" / "m.tif", parents=True)
    assert {entry.name for entry in tmp_path.iterdir()} == {"folder", "file"}
