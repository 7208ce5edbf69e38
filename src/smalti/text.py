"""Numbers and tables as text."""

import math
from collections.abc import Sequence

from smalti.errors import shown

TABLE_ENCODING = "utf-8-sig"
"""Of CSV files: with a byte order mark, by which Excel knows UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def count(n: int, noun: str) -> str:
    """A number with its noun: `1 image`, `9 images`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def some(names: Sequence[str], most: int) -> str:
    """The first names of several, and how many more there are: `a, b and 3 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def percent(value: float) -> str:
    """A share as text in percent, a dash where it is not defined."""
    return "-" if math.isnan(value) else f"{100 * value:.2f}"


def number(value: float) -> str:
    """A number with four digits, a dash where it is not defined."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours."""
    minutes, hours = round(seconds / 60), seconds / 3600
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes} min" if minutes < 120 else f"{hours:.1f} h"


def within(value: float, span: float) -> str:
    """One of several numbers within a range of `span`, with enough decimals to distinguish them."""
    if not 0 < span < math.inf:
        return number(value)
    return f"{value:.{max(0, 2 - math.floor(math.log10(span)))}f}"


def defined(value: float) -> float | None:
    """A number for JSON: None if it is not finite."""
    return value if math.isfinite(value) else None


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines: the first column left-aligned, the others right-aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]


def cell(text: str) -> str:
    """Text for a cell of a CSV file: printable, with an apostrophe before what a spreadsheet takes for a formula."""
    printable = shown(text)
    return f"'{printable}" if printable.startswith(_FORMULA) else printable
