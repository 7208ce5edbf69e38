"""Hooks of `mkdocs build`: pages from files at the root, and extensions of its Markdown.

They keep the pages readable as plain Markdown.
"""

import html
import re
import runpy
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
FROM_THE_ROOT = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages of the site, and their source files."""
LICENCE = re.compile(r"\[([^]]+)\]\(LICENSE\)")
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
NAMES = runpy.run_path(str(ROOT / "tools" / "public_names.py"))
"""Where pages have tables of Python names, and the directives that take their place."""
EXAMPLE = re.compile(r"^(```(?:console|python)) run$", re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are files at the root; their links into docs/ become links between pages."""
    for page, source in FROM_THE_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        for other, name in FROM_THE_ROOT.items():
            text = text.replace(f"]({name})", f"]({other})")
        files.append(File.generated(config, page, content=LICENCE.sub(r"\1", text)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Documents public names in full, draws diagrams without a script, removes the tests' mark `run` from examples."""
    markdown = NAMES["ENTRIES"].sub(lambda found: NAMES["expanded"](found[2]), markdown)
    return EXAMPLE.sub(r"\1", DIAGRAM.sub(lambda match: layers(match[1]), markdown))


def layers(diagram: str) -> str:
    """A chain of layers, `a & b --> c --> d` over several lines, as rows of boxes from top to bottom."""
    chain = re.split(r"-->|\n", diagram.partition("\n")[2])
    rows = dict.fromkeys(tuple(re.findall(r"\w+", row)) for row in chain if row.strip())
    boxes = ("".join(f"<code>{html.escape(room)}</code>" for room in row) for row in rows)
    return '<div class="layers">\n' + "\n".join(f"<div>{row}</div>" for row in boxes) + "\n</div>\n"
