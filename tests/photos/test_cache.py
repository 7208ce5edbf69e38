"""Looks that are kept."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from smalti.errors import OutputError
from smalti.photos import cache
from smalti.photos.cache import NAME, Looks, place_for
from smalti.photos.photo import Look
from tests.photos.shots import look as look_towards

LOOK = Look(np.float32([0.1, -2.5]), np.float32([0.6, 0.8]), 0xFEDC_BA98_7654_3210, 0.1 + 0.2)


def kept(path: Path, sha256: str = "a", model: str = "m") -> Look | None:
    with closing(Looks(path, model)) as looks:
        return looks.get(sha256)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "looks.sqlite"
    with closing(Looks(path, "m")) as looks:
        looks.put("a", LOOK)
    return path


def test_a_look_comes_back_as_it_was(path: Path) -> None:
    found = kept(path)
    assert found is not None
    np.testing.assert_array_equal(found.cues, LOOK.cues)
    np.testing.assert_array_equal(found.embedding, LOOK.embedding)
    assert (found.dhash, found.score) == (LOOK.dhash, LOOK.score)
    assert found.cues.dtype == found.embedding.dtype == np.float32


def test_another_photo_model_or_version_is_not_known(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(path, "b") is None
    assert kept(path, model="n") is None
    monkeypatch.setattr(cache, "__version__", "another")
    assert kept(path) is None


def test_what_was_put_survives_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"""if True:
        import os, numpy as np
        from pathlib import Path
        from smalti.photos import cache
        from smalti.photos.photo import Look
        cache.EVERY = 0
        looks = cache.Looks(Path({str(tmp_path / "looks.sqlite")!r}), "m")
        looks.put("a", Look(np.float32([1]), np.float32([1]), 5, 2.0))
        os.kill(os.getpid(), 9)"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -9
    found = kept(tmp_path / "looks.sqlite")
    assert found is not None and found.score == 2.0


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(3000)])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "looks.sqlite"
    path.write_bytes(content)
    assert kept(path) is None


def test_a_file_with_damage_inside_is_begun_anew(path: Path) -> None:
    with closing(Looks(path, "m")) as looks:
        for k in range(200):
            looks.put(str(k), LOOK)
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\xaa" * 8192
    path.write_bytes(content)
    assert kept(path) is None


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "looks.sqlite").mkdir()
    with pytest.raises(OutputError, match=r"looks\.sqlite: cannot be written: unable to open database file"):
        Looks(tmp_path / "looks.sqlite", "m")


def test_a_full_disk_is_told_in_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(path, "m")
    looks._file.execute("pragma max_page_count = 3")
    big = Look(np.zeros(9000, np.float32), LOOK.embedding, 0, 0.0)
    with pytest.raises(OutputError, match="cannot be written: database or disk is full"):
        looks.put("b", big)
    looks.close()
    assert kept(path) is not None


def test_the_place_is_in_the_folder(tmp_path: Path) -> None:
    assert place_for(tmp_path) == tmp_path / NAME
    assert place_for(tmp_path).is_dir()


def test_the_place_is_the_users_where_the_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    places = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / NAME).touch()  # as good as no right to write, also for a superuser
        places.append(place_for(tmp_path / name))
    assert places[0] != places[1] and all(
        p.is_dir() and p.parent == tmp_path / "cache" / "smalti" / "photos" for p in places
    )
    assert place_for(tmp_path / "one") == places[0]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one" / NAME))
    assert place_for(tmp_path / "one") is None


def test_it_is_a_plain_sqlite_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("select sha256, dhash from looks").fetchall() == [("a", "fedcba9876543210")]


def test_a_file_of_an_older_version_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as file:
        file.execute("create table looks (sha256 text, maker text, cues blob, embedding blob, dhash text, score real)")
        file.execute("insert into looks values ('a', '0.1.0 m', x'', x'', '00', 1.0)")
        file.commit()
    with closing(Looks(path, "m")) as known:
        assert known.get("a") is None
        known.put("b", look_towards(0))
    with closing(Looks(path, "m")) as known:
        assert known.get("b") is not None
