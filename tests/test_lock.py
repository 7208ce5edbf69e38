import errno
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from filelock import FileLock, Timeout

from smalti.errors import BusyError, OutputError
from smalti.files import check_place, deliver, write_whole
from smalti.lock import hold


def test_a_second_holder_hears_who_the_first_is(tmp_path: Path) -> None:
    output = tmp_path / "new folder" / "map.tif"
    code = f"from pathlib import Path; from smalti.lock import hold\nwith hold(Path({str(output)!r})): pass"
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
        "import os, signal; from pathlib import Path; from smalti.lock import hold\n"
        f"with hold(Path({str(output)!r})): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert {path.name for path in tmp_path.iterdir()} == {"map.tif.lock", "map.tif.holder"}
    with hold(output), pytest.raises(BusyError, match=f"PID {os.getpid()} on "), hold(output):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_was_asked_for_may_lie_in_folders_that_are_not_there(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        deliver(tmp_path / "a" / "b" / "c", content)
        assert (tmp_path / "a" / "b" / "c").read_bytes() == content
    with hold(tmp_path / "d" / "e" / "map.tif"):
        assert (tmp_path / "d" / "e" / "map.tif.lock").exists()


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


@pytest.mark.parametrize(
    "name", ["s3://bucket/m.tif", "s3:/bucket/m.tif", "file:///tmp/m.tif", "/vsis3/bucket/m.tif", "zip:m.tif"]
)
def test_urls_are_not_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writers: tuple[Callable[[Path], object], ...] = (
        check_place,
        lambda path: write_whole(path, b""),
        lambda path: deliver(path, b""),
        lambda path: hold(path).__enter__(),
    )
    told = r"(zip:|(s3://bucket|file:///?tmp|/vsis3/bucket)/)m\.tif: only local files"
    for write in writers:
        with pytest.raises(OutputError, match=told):
            write(Path(name))
    assert list(tmp_path.iterdir()) == []
