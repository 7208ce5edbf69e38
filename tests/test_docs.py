"""The pages in docs/ are in step with the code, and their links lead somewhere."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_keys_of_a_recipe_are_those_of_the_settings() -> None:
    _, _, printed = (ROOT / "docs" / "reference" / "recipes.md").read_text().partition("<!-- keys -->\n")
    assert printed == runpy.run_path(str(ROOT / "tools" / "recipe_keys.py"))["reference"]()


def test_the_data_sets_are_those_that_are_known() -> None:
    _, _, printed = (ROOT / "docs" / "reference" / "datasets.md").read_text().partition("<!-- sets -->\n")
    assert printed == runpy.run_path(str(ROOT / "tools" / "data_sets.py"))["reference"]()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
