"""Files of allowed hosts: fetched once, as an upload would come, from the address that was checked.

GDAL is never given the URL: it would resolve the host again and follow redirects.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from smalti.app.access.hosts import Hosts, Target
from smalti.app.access.pace import Pace
from smalti.app.problems import ProblemError

_TIMEOUT_S = 30.0
_CHUNK = 2**20


class _Pinned(http.client.HTTPConnection):
    """A connection to the checked address, whatever the host's name stands for by now."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=_TIMEOUT_S)
        self._target = target

    def connect(self) -> None:
        """Connects; a certificate must be the host's."""
        plain = socket.create_connection((self._target.address, self._target.port), self.timeout)
        if self._target.url.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self._target.host)
        else:
            self.sock = plain


def fetch(url: str, hosts: Hosts, most: int) -> Iterator[bytes]:
    """The content of a URL, in parts; ProblemError where it is not allowed, not there, or larger than `most` bytes."""
    target = hosts.find(url)
    connection = _Pinned(target)
    path = f"{target.url.path or '/'}{'?' if target.url.query else ''}{target.url.query}"
    name = f"{target.host}{target.url.path}"[:200]
    with closing(connection):
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "identity", "User-Agent": "smalti"})
            answer = connection.getresponse()
            _check(answer, name, most)
            received, pace = 0, Pace()
            while part := _read(answer, pace):
                received += len(part)
                if received > most:
                    raise _too_large(name, most)
                yield part
        except (OSError, http.client.HTTPException) as error:
            why = type(error).__name__
            raise ProblemError(422, f"{name}: cannot be fetched ({why}); check the address, or try again") from None


def _read(answer: http.client.HTTPResponse, pace: Pace) -> bytes:
    """What has arrived, at most a chunk of it; TimeoutError where it is too slow."""
    begun = time.monotonic()
    part = answer.read1(_CHUNK)
    if part and not pace.holds(time.monotonic() - begun, len(part)):
        raise TimeoutError
    return part


def _check(answer: http.client.HTTPResponse, name: str, most: int) -> None:
    if 300 <= answer.status < 400:
        raise ProblemError(422, f"{name}: redirects to another address; give that one")
    if answer.status != 200:
        raise ProblemError(422, f"{name}: the host answers {answer.status}; check the address")
    if answer.length is not None and answer.length > most:
        raise _too_large(name, most)


def _too_large(name: str, most: int) -> ProblemError:
    return ProblemError(413, f"{name}: is larger than {most:,} bytes; give a smaller file")


def name_of(url: str) -> str:
    """The name of the file that a URL ends in."""
    return unquote(PurePosixPath(urlsplit(url).path).name)
