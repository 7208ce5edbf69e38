"""The socket of a server: open before the rest is imported, so that a browser can be started meanwhile."""

import socket

from smalti.errors import BusyError, reason

_WAITING = 2048
"""Connections that wait to be accepted."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. BusyError where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(_WAITING)  # whoever comes before the server is ready waits
    except OSError as error:
        found.close()
        why = reason(error)
        raise BusyError(f"{host}:{port}: {why}; choose another one: --port 0", value=port) from None
    return found


def address_of(listening: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listening.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
