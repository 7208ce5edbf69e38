"""The bytes that a token may keep: those of its scenes, and of what arrives for it and is no scene yet."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from smalti.app.limits import Limits
from smalti.app.problems import ProblemError


class Taken:
    """Bytes that something takes while it arrives."""

    def __init__(self, quota: "Quota", owner: str, name: str) -> None:
        self._quota, self._owner, self._name = quota, owner, name
        self.count = 0

    def add(self, count: int) -> None:
        """Takes more; ProblemError beyond the limits."""
        self._quota.take(self._owner, self._name, self.count + count, count)
        self.count += count

    def drop(self, count: int) -> None:
        """Gives some back: they are counted as a scene from now on, or are gone."""
        self._quota.give(self._owner, count)
        self.count -= count


class Quota:
    """Counts bytes per owner."""

    def __init__(self, limits: Limits, held: Callable[[str], int]) -> None:
        """`held` gives the bytes that an owner keeps already."""
        self._limits, self._held = limits, held
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taking(self, owner: str, name: str) -> Iterator[Taken]:
        """What is taken within the block is given back at its end."""
        taken = Taken(self, owner, name)
        try:
            yield taken
        finally:
            taken.drop(taken.count)

    def check(self, owner: str, name: str, size: int, count: int) -> None:
        """ProblemError for a file of `size` bytes so far, `count` of them new, that cannot be accepted."""
        if size > self._limits.upload_bytes:
            most = f"{self._limits.upload_bytes:,}"
            raise ProblemError(413, f"{name}: is larger than the {most} bytes that are accepted; cut or compress it")
        if self._taken[owner] + count + self._held(owner) > self._limits.bytes:
            most = f"{self._limits.bytes:,}"
            raise ProblemError(413, f"{name}: would exceed the {most} bytes of this token; remove scenes first")

    def take(self, owner: str, name: str, size: int, count: int) -> None:
        """Counts bytes that arrive; ProblemError as in `check`."""
        with self._lock:
            self.check(owner, name, size, count)
            self._taken[owner] += count

    def give(self, owner: str, count: int) -> None:
        """Counts them no longer."""
        with self._lock:
            self._taken[owner] -= count
