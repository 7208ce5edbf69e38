"""Files of the photos' room: how a name is shown and linked, and how a file is written whole.

A name may hold anything but a slash: bytes that are no UTF-8 (Python keeps them as lone surrogates), quotes, line ends.
"""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from smalti.jobs import beside, guarded, publish

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shown(text: str | Path) -> str:
    """Text that can be printed: bytes that are no UTF-8 as \\xff, what breaks or reverses a line as its code."""
    printable = str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), printable)


def link(path: Path, folder: Path) -> str:
    """The address of a file for a page in `folder`, byte for byte."""
    return quote(os.fsencode(os.path.relpath(path, folder)))


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file beside its place, then gives it its name; OutputError if that cannot be.

    A file that it replaces hands on its permissions.
    """
    with guarded(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = beside(path, "unfinished")
        try:
            unfinished.write_bytes(content)
            if path.exists():
                shutil.copymode(path, unfinished)
            publish(unfinished, path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
