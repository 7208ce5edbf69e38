"""Starts a server from the options of a command line."""

import ipaddress
import secrets
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

from smalti.app.folders import Folders, default_root
from smalti.app.hosts import parse_hosts
from smalti.app.limits import Limits
from smalti.app.roots import resolved
from smalti.app.server import guarded_app, listen, run
from smalti.app.services import Settings
from smalti.app.tokens import Tokens, no_token, one_token, read_tokens
from smalti.app.window import Window, is_open
from smalti.errors import BusyError, OptionError, reason
from smalti.lock import hold

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Start:
    """Options of a server."""

    host: str
    port: int
    roots: tuple[Path, ...]
    data: Path | None = None
    hosts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def settings(self, tokens: Tokens) -> Settings:
        """The settings of the server; OptionError for hosts that are none."""
        data = self.data.absolute() if self.data else default_root()
        return Settings(data, resolved(self.roots), parse_hosts(self.hosts), tokens, self._names(), self.limits)

    def _names(self) -> tuple[str, ...]:
        """The names by which the server may be asked for; any on an address that others can reach, unless given."""
        if self.names or is_loopback(self.host):
            return (*(name.lower() for name in self.names), self.host.lower(), *_LOOPBACK)
        return ()


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(start: Start, *, token: str | None, tokens: Path | None, no_token: bool, say: Callable[[str], None]) -> None:
    """Serves until it is interrupted; OptionError for contradictions, BusyError for a port or folder in use."""
    known, new = _tokens(start, token, tokens, no_token)
    with _listening(start) as listening:
        address = address_of(listening)
        app = guarded_app(start.settings(known))
        say(f"{address}/?token={new}" if new else f"{address}/")
        run(app, [listening])


def _tokens(start: Start, token: str | None, tokens: Path | None, none: bool) -> tuple[Tokens, str]:
    """The tokens, and the new one that was made if none was given."""
    if sum((token is not None, tokens is not None, none)) > 1:
        raise OptionError("--token, --tokens and --no-token exclude each other; give one of them", value=True)
    if none:
        if not is_loopback(start.host):
            raise OptionError(f"--no-token would let everyone in who reaches {start.host}; give a token", value=True)
        return no_token(), ""
    if tokens is not None:
        return read_tokens(tokens), ""
    new = secrets.token_urlsafe(24)
    return (one_token(token), "") if token is not None else (one_token(new), new)


def _listening(start: Start) -> socket.socket:
    try:
        return listen(start.host, start.port)
    except OSError as error:
        why = reason(error)
        raise BusyError(f"{start.host}:{start.port}: {why}; choose another one: --port 0", value=start.port) from None


def address_of(listening: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listening.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def open_app(start: Start, *, window: bool, say: Callable[[str], None], scene: Path | None = None) -> None:
    """Serves this machine with a new token, in a window that shows a scene, if given; a closed window ends it."""
    token = secrets.token_urlsafe(24)
    tokens = one_token(token)
    settings = start.settings(tokens)
    with _listening(start) as listening, ExitStack() as held:
        shown = "" if scene is None else f"#path={quote(str(scene.absolute()))}"
        server = f"{address_of(listening)}/?token="
        app = guarded_app(settings)
        say(f"{server}{token}{shown}")
        ticket = tokens.ticket(token)  # the list of processes shows what browsers are started with
        page = Window(f"{server}{ticket}{shown}", lambda: tokens.is_unused(ticket), say)
        try:
            if window:
                held.callback(page.end)
                page.open(_profile(Folders(settings.data), held))
            run(app, [listening])
        except KeyboardInterrupt:
            if not page.closed:
                raise


def _profile(folders: Folders, held: ExitStack) -> Path:
    """A folder of a browser's settings that no other window uses: that one would take over our page, and not end."""
    for number in count(1):
        folder = folders.root / f"window{number}"
        with suppress(BusyError):
            held.enter_context(hold(folder))
            if not is_open(folder):
                break
    return folder
