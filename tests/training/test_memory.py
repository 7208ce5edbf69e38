import ctypes
from types import SimpleNamespace

from smalti.training.memory import keep_freed_memory


def test_large_blocks_are_kept(monkeypatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=lambda *pair: asked.append(pair)))
    keep_freed_memory()
    assert asked == [(-4, 0), (-1, 2**31 - 1)]


def test_another_c_library_is_left_alone(monkeypatch) -> None:
    looked: list[str | None] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: looked.append(name) or SimpleNamespace())
    keep_freed_memory()
    assert looked == [None]
