"""Which scenes and jobs are being read right now: these are not cleaned away."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Uses:
    """Counts readers by the id of a scene or job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def begin(self, name: str) -> None:
        """A reader more."""
        with self._lock:
            self._counts[name] += 1

    def end(self, name: str) -> None:
        """A reader less."""
        with self._lock:
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Counts the block as a reader."""
        self.begin(name)
        try:
            yield
        finally:
            self.end(name)

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._counts
