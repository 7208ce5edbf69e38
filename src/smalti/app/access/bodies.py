"""The body of a request as it arrives: bounded where it is held in memory, and no slower than a least rate."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

from smalti.app.access.pace import PATIENCE_S, Pace

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
LONGEST = 8 * 2**20
"""Bytes of a body that is held in memory as a whole."""


class Body:
    """Takes the place of `receive`."""

    def __init__(self, receive: Receive, most: int | None) -> None:
        """`most` bytes are accepted; None for a body that is counted by whom it is for."""
        self._receive, self._most = receive, most
        self._size = 0
        self._pace = Pace()
        self.over = False
        """Whether all of it is there, or its rest does not matter any more."""

    async def __call__(self) -> Message:
        """The next part; HTTPException for one that is too much, or too slow."""
        if self.over:
            return await self._receive()
        message = await self._next()
        self._size += len(message.get("body", b""))
        if self._most is not None and self._size > self._most:
            raise HTTPException(413, f"the request has more than {self._most:,} bytes")
        self.over = not message.get("more_body", False)
        return message

    async def _next(self) -> Message:
        clock = asyncio.get_running_loop().time
        while True:
            begun = clock()
            message: Message = {}
            try:
                async with asyncio.timeout(self._pace.left):
                    message = await self._receive()
            except TimeoutError:
                pass
            if not self._pace.holds(clock() - begun, len(message.get("body", b""))):
                raise HTTPException(408, f"almost nothing has arrived for {PATIENCE_S:.0f} s; send it again")
            if message:
                return message
