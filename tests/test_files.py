import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smalti.errors import OutputError
from smalti.files import appearing, check_place, guarded, publish, sweep, sync, user_cache, user_data, write_whole


@pytest.mark.parametrize("name", ["two\nlines.gpkg", "no\udcffutf8.tif", "bell\a.tif"])
def test_names_that_libraries_do_not_write_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be printed") as refused:
        check_place(tmp_path / name)
    assert str(refused.value).isprintable()
    check_place(tmp_path / "é ü 日本 %20#?'\".tif")


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
        patch.setattr("smalti.files._WINDOWS", True)
        patch.setattr("smalti.files.os.open", lambda path, flags: opened.append((Path(path).name, flags)) or 9)
        patch.setattr("smalti.files.os.fsync", lambda handle: None)
        patch.setattr("smalti.files.os.close", lambda handle: None)
        sync(tmp_path / "file")
        sync(tmp_path)
    assert opened == [("file", os.O_RDWR)]


def test_what_appears_replaces_a_file_with_its_permissions_on(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o640)
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


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
        patch.setattr("smalti.files.os.open", note)
        patch.setattr("smalti.files.os.fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
        patch.setattr("smalti.files.os.close", lambda handle: closed.append(handle) or real_close(handle))
        publish(tmp_path / "a", tmp_path / "b")
    assert synced == [path.stat().st_ino for path in (tmp_path / "b", tmp_path)] and closed == opened


def test_publishing_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    publish(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"
    assert not (tmp_path / "a").exists()


def test_refusals_of_the_file_system_become_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="x: cannot be written: no space left on device"), guarded(Path("x")):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("refused", [os.W_OK, os.X_OK])
def test_a_folder_must_be_open_to_new_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int) -> None:
    monkeypatch.setattr("smalti.files.os.access", lambda _, mode: not mode & refused)
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
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_file_of_another_machine_is_nobodys_after_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000
    for age in (3599, 3600, 3601):
        path = tmp_path / f"map.tif.elsewhere-{age}.unfinished"
        path.touch()
        os.utime(path, (now - age, now - age))
    monkeypatch.setattr("smalti.files.time.time", lambda: float(now))
    sweep(tmp_path / "map.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "map.tif.elsewhere-3599.unfinished",
        "map.tif.elsewhere-3600.unfinished",
    ]


KILLED = """
import os, signal, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from smalti.files import appearing
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


def test_threads_that_write_one_file_do_not_mix(tmp_path: Path) -> None:
    contents = [bytes([97 + k]) * 200_000 * (4 - k) for k in range(3)]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(10):
            list(pool.map(lambda content: write_whole(tmp_path / "a.bin", content), contents))
            assert (tmp_path / "a.bin").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
