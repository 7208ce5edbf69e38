"""What holds for a recipe with anything in it: it is read, or refused in one line that names its file."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalti.errors import RecipeError
from smalti.training.recipe import read_recipe
from smalti.training.settings import Recipe
from tests.training.tiny import RECIPE

GOOD = tomllib.loads(RECIPE.format(root="data"))
leaves = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["folder", "segmentation", "multitask", "adamw", "", "..", "0", "nan", "\0"]),
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    """A good recipe in which one to three values, or whole tables, are something else, dropped, or new."""
    document: dict[str, Any] = json.loads(json.dumps(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = document
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = draw(st.sampled_from(keys)) if keys else "new"
            if keys and isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 4)):
                holder = holder[key]
                continue
            break
        if isinstance(holder, list):
            holder[:1] = [draw(anything)]
        elif draw(st.booleans()):
            holder[key] = draw(anything)
        else:
            holder[draw(st.sampled_from([key, "lr", "kind", "épochs"]))] = holder.pop(key, 0)
    return document


def toml(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("recipe") / "any.toml"


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(recipes())
def test_a_recipe_is_read_or_refused_in_one_line(path: Path, document: dict[str, Any]) -> None:
    text = "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in document.items())
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        assert isinstance(read_recipe(path), Recipe)
    except RecipeError as error:
        assert str(error).startswith(f"{path}: ")
        assert len(str(error).splitlines()) == 1
