"""The packaged program: `smalti`, and without a command, as on a double click, `smalti app`."""

import os
import sys
from multiprocessing import freeze_support

from smalti.cli import main


def restore_library_path() -> None:
    """Lets the programs that are started from here, such as the browser, find their own libraries, not ours."""
    own = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if own is not None:
        os.environ["LD_LIBRARY_PATH"] = own


if __name__ == "__main__":
    freeze_support()  # a child of `multiprocessing` is this program again
    restore_library_path()
    if len(sys.argv) == 1:
        sys.argv.append("app")
    main()
