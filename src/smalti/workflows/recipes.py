"""The recipes that come with this program, as files to train by, or to copy and change."""

import os
from pathlib import Path

from smalti.arguments import checked
from smalti.errors import OutputError, OutputWarning, warn
from smalti.files import deliver

_PACKAGE = Path(__file__).parents[1]
FOLDERS = (_PACKAGE / "recipes", _PACKAGE.parents[1] / "recipes")
"""The folder of the recipes: in an installed package, or in a checkout of the source."""


@checked()
def write_recipes(folder: str | Path) -> tuple[Path, ...]:
    """Writes all recipes into a folder; returns their files in the order of their names.

    Existing recipes are kept, with an OutputWarning if their content differs. Raises OutputError, before any is
    written, if one is no file, and if the folder cannot be written.
    """
    out = Path(folder)
    home = next(place for place in FOLDERS if place.is_dir())
    contents = {out / path.name: path.read_bytes() for path in sorted(home.glob("*.toml"))}
    if taken := [path for path in contents if os.path.lexists(path) and not path.is_file()]:
        raise OutputError(f"{taken[0]}: exists already, and is no file; choose another folder", value=folder)
    present = {path: path.read_bytes() for path in contents if path.is_file()}
    if changed := [path for path, content in present.items() if content != contents[path]]:
        names = ", ".join(path.name for path in changed)
        warn(OutputWarning(f"{folder}: kept, as their content differs from the shipped recipes: {names}"))
    for path in contents.keys() - present.keys():
        deliver(path, contents[path])
    return tuple(contents)
