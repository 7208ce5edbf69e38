"""What a training depends on besides its recipe: the data, and what makes two scores comparable."""

import hashlib
import json
from pathlib import Path
from typing import Any

from smalti.errors import DataError
from smalti.text import count
from smalti.training.settings import Recipe
from smalti.training.work import Work

NO_MATTER = ("train", "test", "absent", "memory_mb", "check", "decoder")
"""Keys of the data without influence on the score of given weights."""


def changes(state: dict[str, Any] | None, work: Work, folder: Path, resume: bool) -> list[str]:
    """Lines about data that have changed since the training to resume; DataError unless `resume` accepts them."""
    before = (state or {}).get("data", {})
    told = [
        f"data.{part} has changed since ({count(int(before[part].partition(' ')[0]), 'image')} then, {found.files} now)"
        for part, found in work.identity.items()
        if part in before and before[part] != str(found)
    ]
    if told and not resume:
        raise DataError(f"{folder}: {'; '.join(told)}; give another --out, or --resume to continue with these data")
    return told


def judged_by(recipe: Recipe, work: Work, select: str) -> str:
    """A digest of all that influences the score of given weights."""
    settings = recipe.model_dump(mode="json", include={"card": True, "data": True})
    data = settings.get("data", {})  # every kind of recipe has this table, their base class has not
    for key in NO_MATTER:
        data.pop(key, None)
    identity = str(work.identity["validation"])
    return hashlib.sha256(json.dumps([select, settings, identity], sort_keys=True).encode()).hexdigest()
