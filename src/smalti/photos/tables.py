"""The table of a result: one line per photo, as CSV (RFC 4180, UTF-8 with a byte order mark for Excel).

A cell of text that a spreadsheet would take for a formula begins with an apostrophe. `taken` is ISO 8601 without an
offset: UTC where the photo says how far its clock is from UTC, else the camera's clock.
"""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from smalti.files import deliver
from smalti.photos.photo import Photo, Ranked, RankedFolder, Series
from smalti.text import TABLE_ENCODING, cell

COLUMNS = (
    "series",
    "order",
    "file",
    "verdict",
    "probability",
    "close",
    "score",
    "reasons",
    "taken",
    "camera",
    "megapixels",
)


def write_csv(result: RankedFolder, path: Path) -> None:
    """Writes the table to `path`; OutputError if it cannot be written."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *rows(result)])
    deliver(path, text.getvalue().encode(TABLE_ENCODING))


def is_table(path: Path) -> bool:
    """Whether a file is such a table, of this or another version; OSError if it cannot be read."""
    if not path.is_file():  # a pipe would be waited for
        return False
    with path.open("rb") as file:
        return file.read(64).decode(TABLE_ENCODING, "replace").startswith(",".join(COLUMNS[:4]))


def rows(result: RankedFolder) -> list[list[str]]:
    """The cells in order of COLUMNS, a list per photo, best first within each series."""
    return [
        _row(series, order, ranked) for series in result.series for order, ranked in enumerate(series.ranked, start=1)
    ]


def _row(series: Series, order: int, ranked: Ranked) -> list[str]:
    photo = ranked.photo
    return [
        cell(series.name),
        str(order),
        cell(str(photo.path)),
        ranked.verdict,
        f"{ranked.probability:.4f}",
        "yes" if ranked.close else "no",
        f"{ranked.look.score:.4f}",
        cell("; ".join(ranked.reasons)),
        taken(photo),
        cell(photo.camera),
        f"{photo.width * photo.height / 1e6:.1f}",
    ]


def taken(photo: Photo) -> str:
    """When it was taken, to the millisecond; "" if unknown or out of range."""
    if photo.taken is None:
        return ""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(photo.taken * 1000))
    except (OverflowError, ValueError):
        return ""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
