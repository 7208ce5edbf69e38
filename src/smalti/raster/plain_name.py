"""Names of local vector files that reach GDAL unchanged.

pyogrio looks for URLs and archives in a name: what stands before `!` is taken for an archive, `;` and what follows it
is dropped, and so is the first folder after `//`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory

_TAKEN_OTHERWISE = frozenset("!;\\\t\r\n")


@contextmanager
def plain_name(path: Path) -> Iterator[str]:
    """An absolute name of a file, which need not exist. Where it holds such signs, a link to it while the block runs.

    Files of the same stem, as those of a shapefile, are linked too. OSError where no link can be made.
    """
    own = path.absolute()
    name = os.fspath(own)
    if os.name == "nt" or not _TAKEN_OTHERWISE.intersection(name):
        yield name if os.name == "nt" else f"/{name.lstrip('/')}"
        return
    with TemporaryDirectory(prefix="smalti-") as folder:
        for each in {own, *own.parent.glob(f"{escape(own.stem)}.*")}:
            Path(folder, f"file{each.name.removeprefix(own.stem)}").symlink_to(each)
        yield str(Path(folder, f"file{own.suffix}"))
