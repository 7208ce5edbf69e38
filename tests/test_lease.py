import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from smalti import lease
from smalti.errors import BusyError
from smalti.lease import Found, Lease, leased
from smalti.lock import FileLease, hold, is_local


class Place:
    """A place with a clock of its own, whose connection may be cut."""

    def __init__(self) -> None:
        self.now, self.writes, self.cut = 0.0, 0, False
        self.held: Found | None = None
        self.written = threading.Event()

    def read(self) -> Found | None:
        self._reach()
        return self.held and Found(self.held.content, self.held.version, self.now - self.held.age_s)

    def put(self, content: bytes, over: str | None) -> str | None:
        self._reach()
        if over != (self.held and self.held.version):
            return None
        self.writes += 1
        self.held = Found(content, str(self.writes), self.now)
        self.written.set()
        return self.held.version

    def remove(self, version: str) -> None:
        self._reach()
        if self.held and self.held.version == version:
            self.held = None

    def _reach(self) -> None:
        if self.cut:
            raise OSError("no route to host")


def test_one_holds_a_lease_and_then_another() -> None:
    place = Place()
    with (
        leased(place, "map.tif", "PID 1 on a\nmore"),
        pytest.raises(BusyError, match=r"map\.tif: PID 1 on a is already making it \(if it has died.* 60 s\)"),
        leased(place, "map.tif", "PID 2 on b"),
    ):
        pass
    assert place.held is None
    with leased(place, "map.tif", "PID 2 on b"):
        assert place.held is not None


def test_a_lease_that_nobody_writes_is_taken_by_one_alone() -> None:
    place = Place()
    place.put(b"PID 1 on a\n", None)
    place.now = 61.0
    with leased(place, "map.tif", "PID 2 on b") as mine:
        mine.check()
        with pytest.raises(BusyError, match="PID 2 on b"), leased(place, "map.tif", "PID 3 on c"):
            pass


def test_the_lease_of_a_process_that_is_known_to_be_dead_is_not_waited_for() -> None:
    place = Place()
    place.put(b"PID 1 on a\n", None)
    with leased(place, "map.tif", "PID 2 on b", dead=lambda content: content.startswith(b"PID 1 ")):
        pass


def test_who_is_slower_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place()
    monkeypatch.setattr(place, "read", lambda: None)
    place.put(b"PID 1 on a\n", None)
    with pytest.raises(BusyError, match="has just begun"), leased(place, "map.tif", "PID 2 on b"):
        pass


def until(true: Callable[[], bool]) -> bool:
    return any(true() or threading.Event().wait(0.01) for _ in range(3000))


def lost(held: Lease) -> bool:
    try:
        held.check()
    except BusyError:
        return True
    return False


def test_a_lease_is_written_while_it_is_held_and_its_loss_is_noticed() -> None:
    place = Place()
    with leased(place, "map.tif", "PID 1 on a", expiry_s=3) as held:
        assert until(lambda: place.writes > 2)
        held.check()
        place.held = Found(b"PID 2 on b\n", "other", 0.0)
        assert until(lambda: lost(held))
    assert place.held.version == "other"


def test_a_write_whose_answer_was_lost_is_no_loss() -> None:
    place = Place()
    with leased(place, "map.tif", "PID 1 on a", expiry_s=3) as held:
        assert place.held is not None
        place.held = Found(place.held.content, "unheard", 0.0)
        before = place.writes
        assert until(lambda: place.writes > before)
        held.check()
    assert place.held is None


def test_without_a_connection_a_lease_ends_by_itself() -> None:
    place = Place()
    with leased(place, "map.tif", "PID 1 on a", expiry_s=0.2) as held:
        place.cut = True
        assert until(lambda: lost(held))
        place.cut = False


def test_a_lease_in_a_file_is_replaced_only_by_who_has_seen_it(tmp_path: Path) -> None:
    store = FileLease(tmp_path / "holder")
    assert store.read() is None
    first = store.put(b"one", None)
    assert first and store.put(b"two", None) is None
    second = store.put(b"two", first)
    assert second and store.put(b"three", first) is None
    found = store.read()
    assert found and (found.content, found.version) == (b"two", second) and -1 < found.age_s < 60
    store.remove(first)
    assert store.read() is not None
    store.remove(second)
    assert list(tmp_path.iterdir()) == []


def test_a_turn_that_a_killed_process_left_ends(tmp_path: Path) -> None:
    store = FileLease(tmp_path / "holder")
    first = store.put(b"one", None)
    turn = tmp_path / "holder.turn"
    turn.touch()
    assert store.put(b"two", first) is None and turn.exists()
    os.utime(turn, (1, 1))
    assert store.put(b"two", first) is None and not turn.exists()
    assert store.put(b"two", first)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system is one that machines share."""
    monkeypatch.setattr("smalti.lock.is_local", lambda _: False)


@pytest.mark.usefixtures("network")
def test_a_file_system_that_machines_share_has_leases(tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    with hold(output) as check:
        check()
        assert [path.name for path in tmp_path.iterdir()] == ["map.tif.holder"]
        with pytest.raises(BusyError, match=f"PID {os.getpid()} on .* is already making it"), hold(output):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("network")
@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="PIDs of other machines cannot be told apart")
def test_a_process_of_this_machine_that_was_killed_is_not_waited_for(tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    code = (
        "import os; from pathlib import Path; from smalti import lock\nlock.is_local = lambda _: False\n"
        f"with lock.hold(Path({str(output)!r})): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    left = tmp_path / "map.tif.holder"
    of_another = left.read_text().replace("pid:[", "pid:[9")
    with hold(output):
        pass
    left.write_text(of_another)
    with pytest.raises(BusyError, match="if it has died"), hold(output):
        pass
    os.utime(left, (1, 1))
    with hold(output):
        pass
    assert list(tmp_path.iterdir()) == []


def test_file_systems_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "1 0 8:1 / / rw - ext4 /dev/sda rw",
        f"2 1 0:5 / {tmp_path}/far\\040away rw shared:1 - nfs4 server:/ rw",
        f"3 2 0:6 / {tmp_path}/far\\040away/here rw - tmpfs none rw",
    )
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "\n".join(lines))
    assert is_local(tmp_path) and is_local(tmp_path / "far")
    assert not is_local(tmp_path / "far away" / "maps")
    assert is_local(tmp_path / "far away" / "here" / "maps")


def test_the_beat_is_much_shorter_than_the_expiry() -> None:
    assert lease.BEAT_S * 5 < lease.EXPIRY_S
