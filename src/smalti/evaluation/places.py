"""Scores by place: what a model is worth where it is worth least."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smalti.errors import DataError, OptionError
from smalti.metrics import mean_defined
from smalti.text import aligned, defined, number, percent


def check_pattern(pattern: str | None) -> None:
    """OptionError unless a pattern of places is a regular expression."""
    try:
        re.search(pattern or "", "")
    except (re.error, OverflowError) as error:
        text = f"--place {pattern!r} is not a regular expression: {error}"
        raise OptionError(text, value=pattern) from None


def place_of(path: Path, pattern: str | None = None) -> str:
    """The name of the place that an image shows, by its path below the folder of the data.

    Without a pattern: the folder that holds the folder of images, and the file's name up to its first number. With one,
    a regular expression: its first group, or all of the match; DataError where it does not match.
    """
    if not pattern:
        above = path.parent.parent.as_posix()  # of the folder of images
        stem = re.split(r"\d", path.stem, maxsplit=1)[0].strip("_-. ")
        return (f"{above}/{stem}".rstrip("/") if above != "." else stem) or "all images"
    found = re.search(pattern, path.as_posix())
    if found is None:
        raise DataError(f"{path}: --place {pattern!r} does not match this path; it must match every one")
    return (found.group(1) if found.groups() else None) or found.group(0)


@dataclass(frozen=True)
class PlaceRow:
    """The scores of the images of one place."""

    place: str
    images: int
    pixels: int
    values: tuple[float, ...]
    """By the columns of the table; NaN where one is not defined."""


@dataclass(frozen=True)
class Places:
    """Scores by place; the worst place is that of the worst number in the first column."""

    columns: tuple[str, ...]
    rows: tuple[PlaceRow, ...]
    shares: bool = True
    """Whether the numbers are shares, shown in percent, of which more is better; else errors."""

    @property
    def mean(self) -> tuple[float, ...]:
        """Of each column the mean over the places where it is defined: every place counts alike."""
        return tuple(mean_defined([row.values[k] for row in self.rows]) for k in range(len(self.columns)))

    @property
    def worst(self) -> PlaceRow:
        """The place with the lowest share, or the largest error, in the first column."""
        sign = 1 if self.shares else -1
        return min(self.rows, key=lambda row: math.inf if math.isnan(row.values[0]) else sign * row.values[0])

    def text(self, value: float) -> str:
        """One number of the table as text."""
        return percent(value) if self.shares else number(value)

    def lines(self) -> list[str]:
        """The table as lines of text, and the worst place."""
        rows = [[r.place, f"{r.images:,}", f"{r.pixels:,}", *map(self.text, r.values)] for r in self.rows]
        total = [f"{sum(r.images for r in self.rows):,}", f"{sum(r.pixels for r in self.rows):,}"]
        head, *body = aligned(
            [
                ["place", "images", "pixels", *self.columns],
                *rows,
                ["mean over places", *total, *map(self.text, self.mean)],
            ]
        )
        line = "-" * max(map(len, (head, *body)))
        worst = f"worst place: {self.worst.place}, {self.columns[0]} {self.text(self.worst.values[0])}"
        return [head, line, *body[:-1], line, body[-1], "", worst]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; undefined scores are None."""
        return {
            "places": [
                {"place": row.place, "images": row.images, "pixels": row.pixels, **self._named(row.values)}
                for row in self.rows
            ],
            "mean_over_places": self._named(self.mean),
            "worst_place": self.worst.place,
        }

    def _named(self, values: Sequence[float]) -> dict[str, float | None]:
        return {name: defined(value) for name, value in zip(self.columns, values, strict=True)}
