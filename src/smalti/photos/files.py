"""Names of files in the photos' room: how they are shown and linked.

A name may hold anything but a slash: bytes that are no UTF-8 (Python keeps them as lone surrogates), quotes, line ends.
"""

import os
import re
from pathlib import Path
from urllib.parse import quote

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shown(text: str | Path) -> str:
    """Text that can be printed: bytes that are no UTF-8 as \\xff, what breaks or reverses a line as its code."""
    printable = str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), printable)


def link(path: Path, folder: Path) -> str:
    """The address of a file for a page in `folder`, byte for byte."""
    return quote(os.fsencode(os.path.relpath(path, folder)))
