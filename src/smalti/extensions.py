"""What other packages add by entry points: nets and public datasets.

A package names them in its pyproject.toml:

    [project.entry-points."smalti.nets"]
    mine = "my_package.nets:MyNet"

They are looked for where a name is unknown here, so that they cost nothing else, and never take the place of a name of
this program.
"""

from importlib.metadata import entry_points
from typing import Any


def find_extension(group: str, name: str) -> Any:
    """What a package registered by that name in an entry point group, imported; None where none did."""
    found = entry_points(group=group, name=name)
    return next(iter(found)).load() if found else None
