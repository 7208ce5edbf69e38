"""Connections that keep the server waiting are ended.

Uvicorn itself waits for ever for the rest of a request's head, and for a reader that does not read; and it accepts
connections until the system has no more.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_S = 30.0
MOST = 500
"""Connections at once: below the 1,024 open files that systems allow a process, with room for the rasters."""
_LOOKS = 4
"""How often a connection is looked at while the patience lasts."""


class Patient(H11Protocol):
    """A connection that is ended where nothing happens for too long though something should."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes a connection; where there are too many, the one that has been idle longest is ended."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._last: Any = None
        self._moved = False
        if len(self.connections) > MOST:
            idle = [one for one in self.connections if isinstance(one, Patient) and one.idle]
            min(idle, key=lambda one: one._since).transport.abort()
        self._timer = self.loop.call_later(PATIENCE_S / _LOOKS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._timer.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """The client has read some of what waits for it."""
        self._moved = True
        super().resume_writing()

    @property
    def idle(self) -> bool:
        """Whether it waits for the head of a request."""
        return self.cycle is None or self.cycle.response_complete

    def _look(self) -> None:
        unread = self.flow.write_paused and not self._moved
        asked = self.cycle is not self._last  # another request since
        if asked or not (unread or self.idle or self.transport.is_closing()):
            self._since = self.loop.time()
        self._last, self._moved = self.cycle, False
        if self.loop.time() - self._since > PATIENCE_S:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(PATIENCE_S / _LOOKS, self._look)
