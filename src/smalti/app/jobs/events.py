"""Server-sent events: a job as it is now, and again whenever it changes."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from smalti.app.jobs.table import Stored
from smalti.app.limits import Limits
from smalti.app.problems import ProblemError

_LOOK_S = 0.4
_ALIVE_S = 15.0
"""After so long without a change a comment is sent, so that no proxy ends the stream."""


class Streams:
    """The open streams of a server, counted per owner."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.streams
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def open(self, owner: str, look: Callable[[], Stored]) -> "Stream":
        """A stream more, counted until it was sent; ProblemError for an owner who has too many open."""
        with self._lock:
            if self._open[owner] >= self._most:
                raise ProblemError(
                    429, f"{self._most} event streams are open, as many as allowed; ask for the job", wait=10
                )
            self._open[owner] += 1
        return Stream(_events(look), lambda: self._close(owner))

    def _close(self, owner: str) -> None:
        with self._lock:
            self._open[owner] -= 1


class Stream(StreamingResponse):
    """The answer that sends events."""

    def __init__(self, events: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends them, until the job is over, or nobody listens any more."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


async def _events(look: Callable[[], Stored]) -> AsyncIterator[bytes]:
    """Events named `job`, until the job is over or removed."""
    last, silent = "", 0.0
    while True:
        try:
            job = await asyncio.to_thread(look)
        except ProblemError:  # removed
            return
        now = job.shown.model_dump_json()
        if now != last:
            yield f"event: job\ndata: {now}\n\n".encode()
            last, silent = now, 0.0
        elif silent >= _ALIVE_S:
            yield b": alive\n\n"
            silent = 0.0
        if job.over:
            return
        await asyncio.sleep(_LOOK_S)
        silent += _LOOK_S
