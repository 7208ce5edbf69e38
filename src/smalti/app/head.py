"""HEAD, answered as GET is, without the body: whatever makes the body is ended."""

import asyncio

from smalti.app.access.bodies import Message, Receive
from smalti.app.access.guard import App, Scope, Send


class Head:
    """ASGI middleware in front of routes that know GET."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._head({**scope, "method": "GET"}, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = asyncio.Event()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            else:
                begun.set()
                await asyncio.Event().wait()  # until it is ended

        body = asyncio.ensure_future(begun.wait())
        answer = asyncio.ensure_future(self._app(scope, receive, sending))
        await asyncio.wait({body, answer}, return_when=asyncio.FIRST_COMPLETED)
        if not begun.is_set():
            body.cancel()
            await answer  # raises what it raised
            return
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
