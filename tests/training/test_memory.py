import ctypes
from types import SimpleNamespace

import pytest
import torch

from smalti.errors import RecipeError
from smalti.training.memory import keep_freed_memory, memory_explained


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


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried\nmore"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("can't start new thread"),
    ],
)
def test_too_little_memory_is_one_line_that_says_what_to_lower(error: Exception) -> None:
    with (
        pytest.raises(RecipeError, match=r"not enough memory .*; lower train.batch") as caught,
        memory_explained(),
    ):
        raise error
    assert "\n" not in str(caught.value)


def test_an_error_raised_while_memory_was_short_says_so_too() -> None:
    """torch closes a half-written archive with an error of its own."""
    with pytest.raises(RecipeError, match=r"not enough memory for this training \(MemoryError\)"), memory_explained():
        try:
            raise MemoryError
        finally:
            raise RuntimeError("unexpected pos 373231808 vs 373231704")


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_explained():
        raise RuntimeError("shapes do not match")
