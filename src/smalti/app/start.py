"""Starts a server from the options of a command line.

The server takes as long to import as a browser to start: it is imported in functions, while a window opens.
"""

import ipaddress
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from smalti.app.access.tokens import Tokens, no_token, one_token, read_tokens
from smalti.app.folders import Folders, default_root
from smalti.app.limits import Limits
from smalti.app.listening import address_of, listen
from smalti.app.window import Window, is_open
from smalti.errors import BusyError, MissingExtraError, OptionError
from smalti.lock import hold

if TYPE_CHECKING:
    from smalti.app.services import Settings

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

    @property
    def folders(self) -> Folders:
        """Where the server keeps its files, without links; OutputError for a user without a home."""
        return Folders((self.data or default_root()).resolve())

    def settings(self, tokens: Tokens) -> "Settings":
        """The settings of the server; OptionError for hosts that are none."""
        from smalti.app.access.hosts import parse_hosts
        from smalti.app.access.roots import resolved
        from smalti.app.services import Settings

        return Settings(
            self.folders.root, resolved(self.roots), parse_hosts(self.hosts), tokens, self._names(), self.limits
        )

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
    from smalti.app.server import guarded_app, run

    known, new = _tokens(start, token, tokens, no_token)
    with listen(start.host, start.port) as listening:
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


def open_app(start: Start, *, window: bool, say: Callable[[str], None], scene: Path | None = None) -> None:
    """Serves this machine with a new token, in a window that shows a scene, if given; a closed window ends it."""
    if missing := [package for package in ("fastapi", "uvicorn") if find_spec(package) is None]:
        raise MissingExtraError(missing[0], "app")
    token = secrets.token_urlsafe(24)
    tokens = one_token(token)
    start.folders.make()
    with listen(start.host, start.port) as listening, ExitStack() as held:
        shown = "" if scene is None else f"#path={quote(str(scene.absolute()))}"
        server = f"{address_of(listening)}/?token="
        say(f"{server}{token}{shown}")
        ticket = tokens.ticket(token)  # the list of processes shows what browsers are started with
        page = Window(f"{server}{ticket}{shown}", lambda: tokens.is_unused(ticket), say)
        try:
            if window:
                held.callback(page.end)
                page.open(_profile(start.folders, held))
            from smalti.app.server import guarded_app, run

            run(guarded_app(start.settings(tokens)), [listening])
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
