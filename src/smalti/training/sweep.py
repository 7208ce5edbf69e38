"""Several trainings from one recipe: variants of its settings, each with each seed."""

import json
import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smalti.errors import RecipeError
from smalti.files import write_whole

SCORES = "scores.json"
CHANGE = re.compile(r",(?=[\w.]+=)")
"""A comma between two changes; one inside a value is not followed by `A.B=`."""


@dataclass(frozen=True)
class Variant:
    """One training: its changes to the recipe, and the name of the group with the same changes and other seeds."""

    name: str
    changes: tuple[str, ...]
    group: str


def plan(variants: Sequence[str], seeds: Sequence[int]) -> list[Variant]:
    """Every variant (`A.B=C,D.E=F`) with every seed; RecipeError where two would have the same name."""
    planned = []
    for text in variants or ("",):
        changes = tuple(change for change in CHANGE.split(text) if change)
        for seed in seeds or (None,):
            own = () if seed is None else (f"train.seed={seed}",)
            parts = [_word(change) for change in (*changes, *own)]
            planned.append(Variant("_".join(parts), (*changes, *own), text or "recipe"))
    names = [variant.name for variant in planned]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"two trainings would have the name {name}; remove one")
    return planned


def _word(change: str) -> str:
    """`net.name=ued` as `name-ued`, valid as a folder's name."""
    key, _, value = change.partition("=")
    return re.sub(r"[^\w.]+", "-", f"{key.rpartition('.')[2]}-{value}").strip("-")


def write_scores(folder: Path, recipe: str, scores: dict[str, float]) -> None:
    """Records that the training in a folder is finished, with its recipe (as JSON) and its scores."""
    defined = {name: value for name, value in scores.items() if math.isfinite(value)}
    content = json.dumps({"recipe": json.loads(recipe), "scores": defined}, indent=2)
    write_whole(folder / SCORES, content.encode())


def read_scores(folder: Path, recipe: str) -> dict[str, float] | None:
    """The scores of a training finished with this recipe (as JSON), or None."""
    try:
        found = json.loads((folder / SCORES).read_text(encoding="utf-8"))
        scores = {str(name): float(value) for name, value in found["scores"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return scores if found["recipe"] == json.loads(recipe) else None


def score_table(results: Sequence[tuple[Variant, dict[str, float]]]) -> str:
    """One row per variant: the number of seeds, and each score's mean ± sample standard deviation over them."""
    groups: dict[str, list[dict[str, float]]] = {}
    for variant, scores in results:
        groups.setdefault(variant.group, []).append(scores)
    names = list(dict.fromkeys(name for _, scores in results for name in scores))
    rows = [["variant", "seeds", *names]]
    for group, found in groups.items():
        values = [[scores[name] for scores in found if name in scores] for name in names]
        rows.append([group, str(len(found)), *map(_mean_spread, values)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _mean_spread(values: list[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.4f}{spread}"
