"""Links from the page to files.

A name may contain anything but a slash: bytes that are not UTF-8 (lone surrogates in Python), quotes, line ends.
"""

import os
from pathlib import Path
from urllib.parse import quote


def link(path: Path, folder: Path) -> str:
    """The URL of a file, percent-encoded, relative to a page in `folder`."""
    return quote(os.fsencode(os.path.relpath(path, folder)))
