"""A folder of images and a CSV file with a row per image: the column `file`, one per task, optionally the subject."""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from smalti.data.images.listing import Listing
from smalti.datasets.folder import file_called
from smalti.errors import DataError

FILE = "file"


def read_table(path: Path, images: Path, columns: Sequence[str], subject: str | None = None) -> Listing:
    """The files in the table, relative to `images`; an empty cell is unknown.

    DataError if the table cannot be read, lacks a column, has a row without a file, or has no rows.
    """
    rows = _rows(path, [FILE, *columns, *([subject] if subject else [])])
    for number, row in enumerate(rows, 2):
        if not row[FILE]:
            raise DataError(f"{path}, line {number}: names no {FILE}")
    files = [os.path.normpath(row[FILE]) for row in rows]
    name, often = Counter(files).most_common(1)[0]
    if often > 1:
        raise DataError(f"{path}: has {name} on {often} lines; keep one")
    cells = {column: [row[column] for row in rows] for column in columns}
    return Listing(
        images, [_there(images, name) for name in files], cells, [row[subject] for row in rows] if subject else []
    )


def _there(images: Path, name: str) -> str:
    """The name in the Unicode form in which the file is stored."""
    found = file_called(images, name)
    return name if found == images / name else os.path.relpath(found, images)


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """All rows with these columns, stripped of surrounding spaces."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            found = [name.strip() for name in reader.fieldnames or ()]
            for column in columns:
                if column not in found:
                    raise DataError(f"{path}: has no column {column!r}; it has {', '.join(found) or 'none'}")
            reader.fieldnames = found
            rows = [{column: (row[column] or "").strip() for column in columns} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None
    if not rows:
        raise DataError(f"{path}: has no rows below the header; expected one per image")
    return rows
