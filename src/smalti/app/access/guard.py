"""Who may pass: the host's name, the token, and requests that other web pages make.

The token comes in `Authorization: Bearer`, or in a cookie that `GET /?token=` sets before it redirects, so that the
token stays in no address. A request that changes something by cookie needs the header `X-Smalti`, which no other
page can send.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from smalti.app.access.bodies import LONGEST, Body, Message, Receive
from smalti.app.access.tokens import OWNER, Tokens
from smalti.app.problems import MEDIA_TYPE, ProblemError, to_dict

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "smalti"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = ("/health", "/static/", "/favicon.ico")
"""Paths that everyone who reaches the server may read."""
_STREAMED = "/api/uploads"
"""Whose body is counted by itself."""
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": PAGE_POLICY,
}


class Guard:
    """ASGI middleware in front of the whole app."""

    def __init__(self, app: App, tokens: Tokens, hosts: Iterable[str]) -> None:
        """`hosts` are the names by which the server is reached; empty for any, where a token is needed."""
        self._app, self._tokens, self._hosts = app, tokens, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        headers = _headers(scope)
        try:
            self._check_origin(scope, headers)
            if (entered := self._entered(scope)) is not None:
                await _redirect(send, entered, _cookie_name(headers))
                return
            scope.setdefault("state", {})["owner"] = self._owner(scope, headers)
        except ProblemError as problem:
            await refuse(send, problem)
            return
        body = Body(receive, None if scope["path"] == _STREAMED else LONGEST)
        await self._app(scope, body, _ending(send, body))

    def _check_origin(self, scope: Scope, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        name = _name_of(host)
        if not name or (self._hosts and name.lower() not in self._hosts):
            raise ProblemError(421, "the request names another host than this server; open the address that it printed")
        if scope["path"].startswith("/api") and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ProblemError(403, "the request comes from another web page; open the app itself")

    def _entered(self, scope: Scope) -> str | None:
        """The token in the address of the first page, or that of a ticket there, if it is right."""
        if scope["path"] != "/" or scope["method"] != "GET" or b"token=" not in scope["query_string"]:
            return None
        token = self._tokens.redeemed(parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0])
        if self._tokens.needed and self._tokens.owner(token) is None:
            raise ProblemError(401, "the token in the address is not valid; open the address that smalti printed last")
        return token if self._tokens.needed else ""

    def _owner(self, scope: Scope, headers: dict[str, str]) -> str:
        """Who asks; ProblemError without a valid token, or for a change that another page may have sent."""
        path = scope["path"]
        scheme, _, given = headers.get("authorization", "").partition(" ")
        by_header = bool(given) and scheme.lower() == "bearer"
        token = given.strip() if by_header else _cookie(headers)
        owner = self._tokens.owner(token) if self._tokens.needed else OWNER
        if owner is None and path != "/" and not path.startswith(_OPEN):
            raise ProblemError(401, "a valid token is needed; send it as Authorization: Bearer TOKEN")
        alone = by_header and self._tokens.needed  # a token in a header is no cookie: no other page can send it
        if scope["method"] not in _SAFE and not alone and headers.get("x-smalti") != "1":
            raise ProblemError(403, "a change without Authorization needs the header X-Smalti: 1; send it too")
        return owner or ""


def _name_of(host: str) -> str:
    """The name of a Host header; empty for what is none."""
    try:
        parts = urlsplit(f"//{host}")
        good = host.isprintable() and parts.netloc == host and "@" not in host and (parts.port or 1)
    except ValueError:
        return ""
    return parts.hostname or "" if good else ""


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in found and key in ("host", "authorization"):
            found[key] = ""  # two of them: nobody knows which one another program would take
        else:
            found[key] = value.decode("latin-1")
    return found


def _cookie(headers: dict[str, str]) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    name = _cookie_name(headers)
    return cookies[name].value if name in cookies else ""


def _cookie_name(headers: dict[str, str]) -> str:
    """One per port: browsers share cookies among all ports of a host."""
    return f"{COOKIE}{urlsplit('//' + headers['host']).port or ''}"


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message.get("headers", [])}
            more = [(k.encode(), v.encode()) for k, v in _HEADERS.items() if k.encode() not in there]
            message["headers"] = [*message.get("headers", []), *more]
        await send(message)

    return sending


def _ending(send: Send, body: Body) -> Send:
    """What is still to come of a request does not matter once it is answered."""

    async def sending(message: Message) -> None:
        body.over = True
        await send(message)

    return sending


async def _redirect(send: Send, token: str, name: str) -> None:
    """To the page without the token in its address; an empty token sets no cookie."""
    cookie = f"{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"
    headers = [(b"location", b"/"), (b"cache-control", b"no-store"), (b"content-length", b"0")]
    headers += [(b"set-cookie", cookie.encode("latin-1"))] if token else []
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def refuse(send: Send, problem: ProblemError) -> None:
    """Answers with a problem."""
    body = json.dumps(to_dict(problem)).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(b"www-authenticate", b"Bearer")] if problem.status == 401 else []
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
