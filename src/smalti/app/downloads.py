"""Files as answers: in use until they are sent or nobody reads them, and in parts where these exist."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

_NO_PART = (400, 416)
"""What Starlette answers in plain text to a part that is malformed, or beyond the file."""


class Download(FileResponse):
    """A file, or the parts of it that `Range` asks for."""

    def __init__(self, path: Path, *, done: Callable[[], None] = lambda: None, **more: Any) -> None:
        """`done` is called at the end, also where the client left."""
        super().__init__(path, **more)
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it; HTTPException for parts that there are not."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _NO_PART:
                size = Path(self.path).stat().st_size
                text = f"the file has no such part: it has {size:,} bytes; ask for one as Range: bytes=FIRST-LAST"
                raise HTTPException(416, text, {"Content-Range": f"bytes */{size}"})
            await send(message)

        try:
            await super().__call__(scope, receive, sending)
        finally:
            self._done()
