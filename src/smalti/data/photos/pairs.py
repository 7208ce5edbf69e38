"""CSV files of pairs: columns a, b (names of photos), p (probability that a is better) or winner, optionally series."""

import csv
from collections.abc import Iterable
from pathlib import Path

from smalti.data.photos.series import FileSeries, Preference, Truth
from smalti.datasets.folder import file_called
from smalti.errors import DataError

EXPECTED = "expected a, b and p, or a, b and winner, optionally series"


def read_pairs(path: Path, images: Path | None = None) -> FileSeries:
    """The series of a CSV file: by its column `series`, else the photos that are connected by pairs.

    Names of photos are relative to `images`, or to the file's own folder. DataError for a missing column, an invalid
    value, or a missing photo.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            _check(path, columns)
            rows = [(f"{path}, line {reader.line_num}", row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None
    if not rows:
        raise DataError(f"{path}: has no pairs below its header")
    pairs = [(_text(row, "a", at), _text(row, "b", at), _chance(row, at)) for at, row in rows]
    for (at, _), (a, b, _) in zip(rows, pairs, strict=True):
        if a == b:
            raise DataError(f"{at}: compares {a!r} with itself; expected two photos")
    named = (
        [_text(row, "series", at) for at, row in rows]
        if "series" in columns
        else _connected([(a, b) for a, b, _ in pairs])
    )
    folder = path.parent if images is None else images
    return _series(zip(named, pairs, strict=True), folder, "series" in columns)


def _check(path: Path, columns: list[str]) -> None:
    known = {"a", "b", "p", "winner", "series"}
    judged = {"p", "winner"} & set(columns)
    if not {"a", "b"} <= set(columns) <= known or len(judged) != 1 or len(set(columns)) != len(columns):
        raise DataError(f"{path}: its columns are {', '.join(columns) or 'none'}; {EXPECTED}")


def _text(row: dict[str, str], column: str, at: str) -> str:
    text = (row[column] or "").strip()
    if not text:
        what = "series" if column == "series" else "photo"
        raise DataError(f"{at}: no {what} in column {column}")
    return text


def _chance(row: dict[str, str], at: str) -> float:
    """The probability that a is better."""
    if "winner" in row:
        winner, a, b = (str(row[name]).strip() for name in ("winner", "a", "b"))
        if winner not in (a, b, "a", "b"):
            raise DataError(f"{at}: winner is {winner!r}; expected a, b, or the name of one of the two photos")
        return 1.0 if winner in (a, "a") else 0.0
    try:
        chance = float(row["p"])
    except (TypeError, ValueError):
        chance = -1.0
    if not 0 <= chance <= 1:
        raise DataError(f"{at}: p is {row['p']!r}; expected the probability that a is better, from 0 to 1")
    return chance


def _connected(pairs: list[tuple[str, str]]) -> list[str]:
    """A name for each pair's series: the first of all photos that are connected with it."""
    parent: dict[str, str] = {}

    def root(photo: str) -> str:
        while parent.setdefault(photo, photo) != photo:
            parent[photo] = photo = parent[parent[photo]]
        return photo

    for a, b in pairs:
        one, other = sorted((root(a), root(b)))
        parent[other] = one
    return [root(a) for a, _ in pairs]


def _series(named: Iterable[tuple[str, tuple[str, str, float]]], folder: Path, by_name: bool) -> FileSeries:
    photos: dict[str, dict[str, int]] = {}
    preferences: dict[str, list[Preference]] = {}
    for name, (a, b, chance) in named:
        places = photos.setdefault(name, {})
        one, other = (places.setdefault(photo, len(places)) for photo in (a, b))
        preferences.setdefault(name, []).append((one, other, chance))
    found = [
        (Truth(name, len(places), tuple(preferences[name])), tuple(file_called(folder, photo) for photo in places))
        for name, places in photos.items()
    ]
    return FileSeries(found, [f"series {name} of {folder.resolve()}" for name in photos] if by_name else [])
