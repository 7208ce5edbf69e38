"""A small HTTP proxy on the loopback that goes wrong on purpose; prints its port.

    python faulty_proxy.py PORT    # of the server behind it

A PUT to /-/faults sets the faults, a list of {"path": PATTERN, "method": PATTERN, "kind": KIND, "times": N}; a GET
tells how often each came. Kinds: `503` (SlowDown), `cut` (the connection ends in the middle of the answer, or of the
question), `slow` (a third of a second before the answer), `expired` (400 ExpiredToken). Each connection serves one
request.
"""

import asyncio
import json
import re
import sys
from typing import Any

_CODES = {"503": ("503 Slow Down", "SlowDown"), "expired": ("400 Bad Request", "ExpiredToken")}
_faults: list[dict[str, Any]] = []
_serving: set[asyncio.Task[Any]] = set()


def _fault(method: str, path: str) -> str:
    for fault in _faults:
        if fault["times"] and re.search(fault["path"], path) and re.fullmatch(fault.get("method", ".*"), method):
            fault["times"] -= 1
            fault["came"] = fault.get("came", 0) + 1
            return str(fault["kind"])
    return ""


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    task = asyncio.current_task()
    assert task is not None
    _serving.add(task)  # the loop itself keeps only weak references
    task.add_done_callback(_serving.discard)
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ", 2)
        found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        length = int(found[1]) if found else 0
        if path == "/-/faults":
            await _control(method, await reader.readexactly(length), writer)
            return
        kind = _fault(method, path)
        if kind in _CODES:
            await reader.readexactly(length)
            await _refuse(*_CODES[kind], writer, method)
        elif not (kind == "cut" and length):
            await _forward(head, length, reader, writer, kind)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _control(method: str, body: bytes, writer: asyncio.StreamWriter) -> None:
    if method == "PUT":
        _faults[:] = json.loads(body)
    await _answer("200 OK", json.dumps(_faults).encode(), writer)


async def _refuse(status: str, code: str, writer: asyncio.StreamWriter, method: str) -> None:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>on purpose</Message></Error>".encode()
    await _answer(status, b"" if method == "HEAD" else body, writer)


async def _answer(status: str, body: bytes, writer: asyncio.StreamWriter) -> None:
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/xml", f"Content-Length: {len(body)}", "Connection: close")
    writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode() + body)
    await writer.drain()


async def _forward(
    head: bytes, length: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str
) -> None:
    from_there, there = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    try:
        head = re.sub(rb"(?i)\r\n(connection|expect): [^\r]*", b"", head)
        if kind == "slow":
            await asyncio.sleep(0.3)
        there.write(head[:-2] + b"Connection: close\r\n\r\n")
        while length:
            part = await reader.read(min(length, 1 << 16))
            if not part:
                return
            length -= len(part)
            there.write(part)
            await there.drain()
        answer = await from_there.readuntil(b"\r\n\r\n")
        writer.write(re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", answer)[:-2] + b"Connection: close\r\n\r\n")
        rest = await from_there.read()
        writer.write(rest[: len(rest) // 2] if kind == "cut" else rest)
        await writer.drain()
    finally:
        there.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
