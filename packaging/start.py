"""The packaged program: `smalti`, and without a command, as on a double click, `smalti app`."""

import sys
from multiprocessing import freeze_support

from smalti.cli import main

if __name__ == "__main__":
    freeze_support()  # a child of `multiprocessing` is this program again
    if sys.argv[1:3] == ["-m", "smalti"]:  # Smalti starts itself as `sys.executable -m smalti`
        del sys.argv[1:3]
    if len(sys.argv) == 1:
        sys.argv.append("app")
    main()
