"""Princeton's photo triage (Chang et al., 2016, "Automatic Triage for a Photo Series") in its own layout.

A list has one pair per line, six numbers: series, photo A, photo B, ratio, rank A, rank B. Photos are called
SERIES-PHOTO, for example 000001-01.JPG. The ratio is the probability that A is better, by a Bradley-Terry model of
people's votes; the last two numbers are ranks in the series, 1 for its best photo.
"""

import math
from pathlib import Path

from smalti.data.photos.series import FileSeries, Preference, Truth
from smalti.errors import DataError

COLUMNS = "series, photo A, photo B, ratio, rank A, rank B"
Row = tuple[int, int, int, float, int, int]


def read_triage(pairs: Path, images: Path) -> FileSeries:
    """The series of a list of pairs; DataError that names the first invalid line."""
    try:
        lines = pairs.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{pairs}: cannot be read as a list of pairs: {error}") from None
    rows: dict[int, list[Row]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = _row(line, f"{pairs}, line {number}")
            rows.setdefault(row[0], []).append(row)
    if not rows:
        raise DataError(f"{pairs}: is empty; expected lines of {COLUMNS}")
    found = [_series(series, its, pairs, images) for series, its in rows.items()]
    return FileSeries(found, [f"series {truth.name} of {images.resolve()}" for truth, _ in found])


def _row(line: str, at: str) -> Row:
    parts = line.replace(",", " ").split()
    try:
        series, a, b, ratio, rank_a, rank_b = map(float, parts)
    except ValueError:
        raise DataError(f"{at}: is {line.strip()[:60]!r}; expected six numbers: {COLUMNS}") from None
    whole = (series, a, b, rank_a, rank_b)
    if not all(math.isfinite(value) and value == int(value) >= 1 for value in whole) or not 0 <= ratio <= 1 or a == b:
        raise DataError(
            f"{at}: is {line.strip()[:60]!r}; expected {COLUMNS}, whole numbers from 1 on and a ratio from 0 to 1"
        )
    return int(series), int(a), int(b), ratio, int(rank_a), int(rank_b)


def _series(series: int, rows: list[Row], pairs: Path, images: Path) -> tuple[Truth, tuple[Path, ...]]:
    ranks: dict[int, int] = {}
    for _, a, b, _, rank_a, rank_b in rows:
        for photo, rank in ((a, rank_a), (b, rank_b)):
            if ranks.setdefault(photo, rank) != rank:
                raise DataError(
                    f"{pairs}: photo {photo} of series {series} has the ranks {ranks[photo]} and {rank}; "
                    f"expected {COLUMNS}"
                )
    photos = sorted(ranks)
    place = {photo: at for at, photo in enumerate(photos)}
    preferences: tuple[Preference, ...] = tuple((place[a], place[b], ratio) for _, a, b, ratio, _, _ in rows)
    distinct = len(set(ranks.values())) == len(photos)
    order = tuple(place[photo] for photo in sorted(photos, key=ranks.__getitem__)) if distinct else ()
    files = tuple(images / f"{series:06d}-{photo:02d}.JPG" for photo in photos)
    return Truth(f"{series:06d}", len(photos), preferences, order), files
