"""Choices that a person made on the page: verdicts of photos, and series made by hand.

The page saves a JSON file: `{"smalti": "choices 1", "photos": [...]}`, one entry per photo with a choice, with the
fields of `Choice`. A photo is identified by the digest of its coded pixels, so a choice survives new photos, edited
metadata and renaming.
"""

import codecs
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from smalti.errors import DataError, reason, shown
from smalti.photos.content import LENGTH
from smalti.photos.group import when
from smalti.photos.photo import Choice, Photo, Series, Verdict


class _Entry(BaseModel):
    """The fields of `Choice`, as they must be in a file."""

    model_config = ConfigDict(strict=True, extra="forbid")
    content: Annotated[str, Field(pattern=f"^[0-9a-f]{{{LENGTH}}}$")]
    file: str
    verdict: Literal["pick", "alternate", "reject"] | None
    series: str | None
    at: Annotated[int, Field(ge=0)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    smalti: Literal["choices 1"]
    photos: list[_Entry]


def read_choices(path: Path) -> tuple[Choice, ...]:
    """The choices in a file that the page saved; DataError if it cannot be read or is not such a file."""
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)  # as some editors write it
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}; give the file that the page saved") from None
    try:
        found = _File.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = shown(".".join(map(str, first["loc"]))) or "the file"
        raise DataError(
            f"{path}: holds no choices ({place}: {first['msg']}); give the file that the page's button 'choices' saves"
        ) from None
    return tuple(Choice(**entry.model_dump()) for entry in found.photos)


def match(choices: Sequence[Choice], photos: Sequence[Photo], folder: Path) -> dict[int, Choice]:
    """The choice for each photo (by index) that has one.

    Photos with the same content share its choices: matched by path, then by name, then in order; later choices first.
    """
    by_content: dict[str, list[Choice]] = defaultdict(list)
    for choice in sorted(choices, key=lambda choice: -choice.at):
        by_content[choice.content].append(choice)
    same: dict[str, list[int]] = defaultdict(list)
    for i, photo in enumerate(photos):
        if photo.content in by_content:
            same[photo.content].append(i)
    found: dict[int, Choice] = {}
    for content, indices in same.items():
        files = {i: shown(photos[i].path.relative_to(folder).as_posix()) for i in indices}
        found |= _pair(files, by_content[content])
    return found


def _pair(files: dict[int, str], choices: list[Choice]) -> dict[int, Choice]:
    """One choice for each file, as long as there are any."""
    found: dict[int, Choice] = {}
    for fits in (_same_path, _same_name, _any):
        for i, file in files.items():
            choice = next((choice for choice in choices if fits(file, choice.file)), None)
            if i not in found and choice is not None:
                found[i] = choice
                choices = [
                    other for other in choices if other is not choice and not _same_path(other.file, choice.file)
                ]
    return found


def _same_path(file: str, other: str) -> bool:
    return file == other


def _same_name(file: str, other: str) -> bool:
    return file.rpartition("/")[2] == other.rpartition("/")[2]


def _any(file: str, other: str) -> bool:
    return True


def regroup(groups: Sequence[Sequence[int]], photos: Sequence[Photo], hand: Mapping[int, str]) -> list[list[int]]:
    """The program's series, changed by those made by hand.

    A photo without a choice follows the nearest one, by time, of those that the program put into its series.

    Args:
        groups: the program's series, as indices into `photos`.
        photos: all photos.
        hand: by index, the name of the series that a person put the photo into.

    Returns:
        The series as indices, each sorted by time, then by path; so are the series.
    """
    parts: dict[str | int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members = sorted(group, key=lambda i: when(photos[i]))
        known = [k for k, i in enumerate(members) if i in hand]
        for k, i in enumerate(members):
            nearest = min(known, key=lambda other: abs(other - k), default=None)
            parts[number if nearest is None else hand[members[nearest]]].append(i)
    found = [sorted(members, key=lambda i: when(photos[i])) for members in parts.values()]
    return sorted(found, key=lambda members: when(photos[members[0]]))


def overrule(series: Series, choices: Mapping[Path, Choice]) -> Series:
    """The series with the verdicts that a person chose, in the model's order.

    If a person chose a pick, the model's pick becomes an alternate. If a person took the verdict away from the model's
    pick without choosing another, the best photo without a choice becomes the pick.
    """
    chosen = [choices[one.photo.path].verdict if one.photo.path in choices else None for one in series.ranked]
    if not any(chosen):
        return series
    free = [k for k, verdict in enumerate(chosen) if verdict is None]
    inherits = any(one.verdict == "pick" for one in series.ranked) and "pick" not in chosen
    heir = free[0] if inherits and free else None
    ranked = []
    for k, (one, mine) in enumerate(zip(series.ranked, chosen, strict=True)):
        other: Verdict = "pick" if k == heir else "alternate" if one.verdict == "pick" else one.verdict
        ranked.append(replace(one, verdict=mine or other, chosen=mine is not None, proposed=one.verdict))
    return replace(series, ranked=tuple(ranked))
