from pathlib import Path

import pytest

from smalti.errors import RecipeError
from smalti.training.home import expand_home
from smalti.training.recipe import read_recipe

RECIPE = """
[card]
name = "small"
[[card.tasks]]
labels = ["dark", "light"]
[data]
root = "~nobody-of-that-name/data"
[[data.train]]
path = ["a"]
[[data.validation]]
path = ["b"]
"""


def test_a_home_that_does_not_exist_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand_home("~/a") == tmp_path / "a"
    (tmp_path / "r.toml").write_text(RECIPE)
    with pytest.raises(RecipeError, match="~nobody-of-that-name/data: no such user, or no home folder; give"):
        read_recipe(tmp_path / "r.toml").root  # type: ignore[attr-defined]  # noqa: B018
