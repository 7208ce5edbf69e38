"""The pages in docs/ are in step with the code, and their links lead somewhere."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
AT_THE_ROOT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*AT_THE_ROOT, *sorted((ROOT / "docs").rglob("*.md"))]
GENERATED = runpy.run_path(str(ROOT / "tools" / "reference.py"))["pages"]()


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_pages_of_reference_are_those_of_the_code(page: Path) -> None:
    assert page.read_text() == GENERATED[page], "run: python tools/reference.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_page_has_a_place_in_the_site() -> None:
    named = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert named == pages | {"contributing.md", "changelog.md"}


def test_every_key_of_a_recipe_comes_once_on_its_page() -> None:
    _, _, printed = (ROOT / "docs" / "reference" / "recipes.md").read_text().partition("<!-- keys -->\n")
    for section in printed.split("\n## ")[1:]:
        keys = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        assert len(keys) == len(set(keys)), section
    headings = re.findall(r"^## (.*)$", printed, re.MULTILINE)
    assert len(headings) == len(set(headings))
