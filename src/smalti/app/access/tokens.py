"""Who asks: tokens, each with the name of its owner. Tokens are compared in constant time."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smalti.errors import OptionError, reason

OWNER = "user"
"""The owner where there is one token, or none."""
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,256}")
_NAME = re.compile(r"[\w.-]{1,64}")


@dataclass(frozen=True)
class Tokens:
    """Digests of the known tokens; without any, everyone who reaches the server is `OWNER`."""

    _owners: Mapping[bytes, str] = field(repr=False)
    _tickets: dict[bytes, str] = field(default_factory=dict, repr=False)

    @property
    def needed(self) -> bool:
        """Whether requests need a token."""
        return bool(self._owners)

    def owner(self, token: str) -> str | None:
        """The owner of a token, None for an unknown one; every known token is compared."""
        asked, found = _digest(token), None
        for known, owner in self._owners.items():
            if hmac.compare_digest(known, asked):
                found = owner
        return found

    def ticket(self, token: str) -> str:
        """A new word that stands for a token once: for where others may read it, as in the list of processes."""
        word = secrets.token_urlsafe(24)
        self._tickets[_digest(word)] = token
        return word

    def is_unused(self, ticket: str) -> bool:
        """Whether nobody has come with a ticket yet."""
        return _digest(ticket) in self._tickets

    def redeemed(self, word: str) -> str:
        """The token that a ticket stands for, which is used up by that; any other word as it is."""
        return self._tickets.pop(_digest(word), word)


def one_token(token: str) -> Tokens:
    """A single token; OptionError for a short one."""
    return Tokens({_digest(_checked(token)): OWNER})


def no_token() -> Tokens:
    """A server that everyone on this machine may use."""
    return Tokens({})


def read_tokens(path: Path) -> Tokens:
    """The tokens of a file, one `NAME TOKEN` per line; OptionError if it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not text"
        raise OptionError(f"{path}: tokens cannot be read: {why}", value=path) from None
    owners = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, token = line.strip().partition(" ")
        if not _NAME.fullmatch(name) or not token.strip():
            raise OptionError(f"{path}: line {number} is not `NAME TOKEN`; write one token per line", value=path)
        owners[_digest(_checked(token.strip()))] = name
    if not owners:
        raise OptionError(f"{path}: holds no token; write `NAME TOKEN` on a line", value=path)
    return Tokens(owners)


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise OptionError("a token is 16 to 256 letters, digits and any of . _ ~ -; choose another one")
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
