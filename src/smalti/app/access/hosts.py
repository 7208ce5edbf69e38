"""Hosts from which scenes may be fetched: their names are resolved once, to public addresses only."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from smalti.app.problems import ProblemError
from smalti.errors import OptionError

_PORTS = {"http": 80, "https": 443}
_REFUSED = "is not an address of an allowed host"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to for a URL."""

    url: SplitResult
    host: str
    address: str
    """The address that the host was checked with."""
    port: int


@dataclass(frozen=True)
class Hosts:
    """The allowed hosts, as `HOST` or `HOST:PORT`; an address of a private network only if it is listed itself."""

    listed: tuple[str, ...]

    def find(self, url: str) -> Target:
        """Where a URL is fetched; ProblemError unless it is plain http or https of an allowed host."""
        parts, host, port = self.check(url)
        return Target(parts, host, _address(host, port, self._refused(url)), port)

    def check(self, url: str) -> tuple[SplitResult, str, int]:
        """A URL with its host and port; ProblemError as in `find`, before any name is resolved."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise self._refused(url) from None
        plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
        if not plain or parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
            raise self._refused(url)
        host, usual = parts.hostname, _PORTS[parts.scheme]
        port = usual if port is None else port
        name = f"[{host}]" if ":" in host else host
        if f"{name}:{port}" not in self.listed and (port != usual or name not in self.listed):
            raise self._refused(url)
        return parts, host, port

    def _refused(self, url: str) -> ProblemError:
        allowed = ", ".join(self.listed) or "none; start the server with --allow-host HOST"
        return ProblemError(403, f"{url[:200]!a} {_REFUSED}; allowed by http and https: {allowed}")


def parse_hosts(names: Sequence[str]) -> Hosts:
    """The hosts of a command line; OptionError for a name that is none."""
    for name in names:
        parts = urlsplit(f"//{name}")
        try:
            good = parts.hostname and (parts.port or 1) and parts.netloc == name and "@" not in name and "*" not in name
        except ValueError:
            good = False
        if not good:
            raise OptionError(f"--allow-host {name}: is no host; give a name such as data.example.org", value=name)
    return Hosts(tuple(name.lower() for name in names))


def _address(host: str, port: int, refused: ProblemError) -> str:
    try:
        return str(ipaddress.ip_address(host))  # the operator has listed this very address
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise ProblemError(422, f"{host[:200]!a}: there is no host of that name; check the address") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(map(is_public, addresses)):
        raise refused
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, not to a private or local network."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is not None:
            return is_public(str(inner))
        if found in ipaddress.ip_network("64:ff9b::/96"):  # translated to IPv4
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast and not found.is_reserved
