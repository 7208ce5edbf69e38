"""Counters of a server in the text format of Prometheus."""

import threading
from collections import Counter
from collections.abc import Mapping

_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0)
"""Seconds."""


class Metrics:
    """What happened since the server started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._tiles: Counter[float] = Counter()
        self._tile_seconds = 0.0
        self._tile_count = 0
        self._received = 0

    def request(self, method: str, status: int) -> None:
        """Counts an answer."""
        with self._lock:
            self._requests[method if method in ("GET", "HEAD", "POST", "DELETE") else "other", status] += 1

    def tile(self, seconds: float) -> None:
        """Counts a tile by the time that it took."""
        with self._lock:
            self._tile_seconds += seconds
            self._tile_count += 1
            for bound in _BOUNDS:
                self._tiles[bound] += seconds <= bound

    def received(self, count: int) -> None:
        """Counts bytes of uploads."""
        with self._lock:
            self._received += count

    def text(self, jobs: Mapping[str, int], pixels: int, memory: int) -> str:
        """All figures; `pixels` have been mapped, `memory` bytes are used by the server's process."""
        with self._lock:
            lines = ["# TYPE smalti_requests_total counter"]
            lines += [
                f'smalti_requests_total{{method="{method}",status="{status}"}} {count}'
                for (method, status), count in sorted(self._requests.items())
            ]
            lines += ["# TYPE smalti_tile_seconds histogram"]
            lines += [f'smalti_tile_seconds_bucket{{le="{bound}"}} {self._tiles[bound]}' for bound in _BOUNDS]
            lines += [f'smalti_tile_seconds_bucket{{le="+Inf"}} {self._tile_count}']
            lines += [
                f"smalti_tile_seconds_sum {self._tile_seconds:.6f}",
                f"smalti_tile_seconds_count {self._tile_count}",
            ]
            lines += ["# TYPE smalti_received_bytes_total counter", f"smalti_received_bytes_total {self._received}"]
        states = ("queued", "running", "done", "failed", "cancelled")
        lines += ["# TYPE smalti_jobs gauge", *(f'smalti_jobs{{state="{s}"}} {jobs.get(s, 0)}' for s in states)]
        lines += ["# TYPE smalti_mapped_pixels gauge", f"smalti_mapped_pixels {pixels}"]
        lines += ["# TYPE process_resident_memory_bytes gauge", f"process_resident_memory_bytes {memory}"]
        return "\n".join(lines) + "\n"
