"""Names of files that come from outside: a plain name on every system, never a path."""

import re

from smalti.app.problems import ProblemError
from smalti.errors import shown

LONGEST = 150
"""Bytes of a name."""
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)", re.IGNORECASE)
_FORBIDDEN = frozenset('/\\:*?"<>|')


def checked_name(name: str) -> str:
    """The name itself; ProblemError for one that is a path, or is no file's name on Windows."""
    if why := _why_not(name):
        raise ProblemError(422, f"{shown(name)[:80]!r} {why}; expected a plain file name, such as scene.tif")
    return name


def is_plain(name: str) -> bool:
    """Whether a name is accepted by `checked_name`."""
    return not _why_not(name)


def _why_not(name: str) -> str:
    if not name or name in (".", ".."):
        return "is no name"
    if len(name.encode("utf-8", "replace")) > LONGEST:
        return "is too long"
    if not name.isprintable() or _FORBIDDEN & set(name):
        return "has characters that no file name may have"
    if name[0] in " ." or name[-1] in " ." or _DEVICES.match(name):
        return "is no file's name on every system"
    return ""
