"""The folder of a training: where it is, and that it holds nothing else that would be replaced."""

from pathlib import Path

from smalti.errors import OutputError
from smalti.mapping.protect import check_page
from smalti.training import lr_range, records

_TABLES = ((records.CSV, records.STEP), (lr_range.CSV, lr_range.RATE))


def run_folder(name: str, out: Path | None) -> Path:
    """The folder of a training of that name; OutputError if it is a file, or holds tables or a page of others."""
    folder = out or Path("runs") / name
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file, expected a folder for the training; give another --out")
    for table, column in _TABLES:
        if not _begins(folder / table, column):
            raise OutputError(f"{folder / table}: exists and was not written by smalti; give another --out")
    check_page(folder / lr_range.PAGE)
    return folder


def _begins(table: Path, column: str) -> bool:
    """Whether a table is missing, empty, or has that first column."""
    if not table.is_file():
        return True
    try:
        with table.open("rb") as file:
            first = file.readline(len(column) + 1)
    except OSError:
        return False
    return not first or first == f"{column},".encode()
