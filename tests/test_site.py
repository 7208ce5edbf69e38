"""The documentation builds without a warning, and its pages ask nothing from any network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)  # the first test builds all pages
ROOT = Path(__file__).resolve().parent.parent
ASKS = re.compile(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(https?:)?//""")
LINKED = re.compile(r"""<link\b[^>]*\bhref=["']?(https?:)?//""")
STYLED = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages, built as `make docs` does."""
    pytest.importorskip("mkdocstrings_handlers.python")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=550)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


@pytest.mark.slow
def test_pages_ask_nothing_from_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text()
        assert not ASKS.search(text), page
        assert not LINKED.search(text), page
        assert 'class="mermaid"' not in text, page  # drawn by a script that would be fetched
    for sheet in site.rglob("*.css"):
        assert not STYLED.search(sheet.read_text()), sheet


@pytest.mark.slow
def test_every_command_has_an_entry(site: Path) -> None:
    from smalti.cli import COMMANDS

    text = (site / "reference" / "commands.html").read_text()
    for name in COMMANDS:
        assert f'id="smalti-{name}"' in text, name


@pytest.mark.slow
def test_every_public_name_has_an_entry(site: Path) -> None:
    import smalti

    text = (site / "reference" / "api.html").read_text()
    for name in set(smalti.__all__) - {"__version__"}:
        assert re.search(rf'id="smalti\.[\w.]+\.{name}"', text), name
