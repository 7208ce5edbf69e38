"""What a training depends on besides its recipe: the data, and what makes two scores comparable."""

import hashlib
import json
from pathlib import Path
from typing import Any

from smalti.card import Card
from smalti.errors import DataError, RecipeError
from smalti.text import count
from smalti.training.settings import Recipe
from smalti.training.work import Work

NO_MATTER = ("train", "unlabelled", "test", "absent", "memory_mb", "check", "decoder")
"""Keys of the data without influence on the score of given weights."""


def changes(state: dict[str, Any] | None, work: Work, folder: Path, resume: bool) -> list[str]:
    """Lines about data that have changed since the training to resume; DataError unless `resume` accepts them."""
    before = (state or {}).get("data", {})
    changed = [
        _changed(part, int(before[part].partition(" ")[0]), found.files)
        for part, found in work.identity.items()
        if part in before and before[part] != str(found)
    ]
    if changed and not resume:
        raise DataError(f"{folder}: {'; '.join(changed)}; give another --out, or --resume to continue with these data")
    return changed


def _changed(part: str, then: int, now: int) -> str:
    if part == "teacher":
        return "distill.teacher has changed since"
    return f"data.{part} has changed since ({count(then, 'image')} then, {now} now)"


def check_card(state: dict[str, Any], card: Card, folder: Path) -> None:
    """RecipeError where the weights of a training that is resumed were learned for other classes, values or pixels."""
    if "card" not in state:  # of a former version
        return
    before, now = (meaning(one) for one in (Card.load(state["card"], str(folder / "last")), card))
    for what in before | now:
        if before.get(what) != now.get(what):
            raise RecipeError(
                f"{folder}: {what} was {before.get(what, 'none')}, is {now.get(what, 'none')} now; the weights were "
                "learned for the former; give another --out, and train.start to take the weights that fit"
            )


def meaning(card: Card) -> dict[str, str]:
    """The meaning of a net's inputs and outputs in words, by the key of the recipe."""
    pixels = {f"card.{name}": str(getattr(card, name)) for name in ("bands", "dtype", "scale", "mean", "std")}
    outputs = {
        f"card.tasks.{number} ({task.name})": ", ".join(task.labels) or f"{task.quantity or task.kind} in {task.unit}"
        for number, task in enumerate(card.tasks)
    }
    return pixels | outputs


def selection_digest(recipe: Recipe, work: Work, select: str) -> str:
    """A digest of all that influences the score of given weights."""
    settings = recipe.model_dump(mode="json", include={"card": True, "data": True})
    data = settings.get("data", {})  # every kind of recipe has this table, their base class has not
    for key in NO_MATTER:
        data.pop(key, None)
    identity = str(work.identity["validation"])
    return hashlib.sha256(json.dumps([select, settings, identity], sort_keys=True).encode()).hexdigest()
