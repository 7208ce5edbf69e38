"""How fast something must arrive: who sends a byte now and then keeps a place that others wait for."""

from dataclasses import dataclass

PATIENCE_S = 60.0
LEAST = 2**18
"""Bytes that must arrive while so long was waited for them: 4 KiB/s."""


@dataclass(slots=True)
class Pace:
    """Bytes that arrive, against the time that was waited for them."""

    left: float = -1.0
    """Seconds that may be waited until enough must be there."""
    got: int = 0

    def __post_init__(self) -> None:
        self.left = PATIENCE_S

    def holds(self, waited: float, count: int) -> bool:
        """Notes `count` bytes after `waited` seconds; whether it is still fast enough."""
        self.left -= waited
        self.got += count
        if self.left > 0:
            return True
        enough = self.got >= LEAST
        self.left, self.got = PATIENCE_S, 0
        return enough
