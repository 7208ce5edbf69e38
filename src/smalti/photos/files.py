"""Names of files in the photos' room: how they are linked.

A name may hold anything but a slash: bytes that are no UTF-8 (Python keeps them as lone surrogates), quotes, line ends.
"""

import os
from pathlib import Path
from urllib.parse import quote


def link(path: Path, folder: Path) -> str:
    """The address of a file for a page in `folder`, byte for byte."""
    return quote(os.fsencode(os.path.relpath(path, folder)))
