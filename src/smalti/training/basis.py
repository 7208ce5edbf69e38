"""What a training rests on besides its recipe: the data, and what makes one score comparable with another."""

import hashlib
import json
from pathlib import Path
from typing import Any

from smalti.errors import DataError
from smalti.text import count
from smalti.training.settings import Recipe
from smalti.training.work import Work

NO_MATTER = ("train", "test", "absent", "memory_mb", "check", "decoder")
"""Keys of the data that decide nothing about the score of given weights."""


def changes(state: dict[str, Any] | None, work: Work, folder: Path, resume: bool) -> list[str]:
    """Lines about data that are not those of a training that is gone on with; DataError unless it is to `resume`."""
    before = (state or {}).get("data", {})
    told = [
        f"data.{part} has changed since ({count(int(before[part].partition(' ')[0]), 'image')} then, {found.files} now)"
        for part, found in work.identity.items()
        if part in before and before[part] != str(found)
    ]
    if told and not resume:
        raise DataError(f"{folder}: {'; '.join(told)}; give another --out, or --resume to go on with these data")
    return told


def judged_by(recipe: Recipe, work: Work, select: str) -> str:
    """All that decides about the score of given weights, as a digest."""
    settings = recipe.model_dump(mode="json", include={"card": True, "data": True})
    data = settings.get("data", {})  # the recipe of every kind has some, the base of them none
    for key in NO_MATTER:
        data.pop(key, None)
    identity = str(work.identity["validation"])
    return hashlib.sha256(json.dumps([select, settings, identity], sort_keys=True).encode()).hexdigest()
