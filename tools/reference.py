#!/usr/bin/env python3
"""Writes the generated tables of docs/reference/: `python tools/reference.py`. They can be read as plain Markdown.

A test compares the pages with its output.
"""

import runpy
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
PAGES = {
    "commands.md": ("<!-- commands -->\n", "commands.py"),
    "recipes.md": ("<!-- keys -->\n", "recipe_keys.py"),
    "datasets.md": ("<!-- sets -->\n", "data_sets.py"),
}
"""Page, the mark after which the tables go, and the script whose `reference()` makes them."""


def pages() -> dict[Path, str]:
    """Each page with the text that it should have."""
    written = {}
    for name, (mark, script) in PAGES.items():
        page = TOOLS.parent / "docs" / "reference" / name
        above = page.read_text(encoding="utf-8").partition(mark)[0]
        written[page] = above + mark + runpy.run_path(str(TOOLS / script))["reference"]()
    written |= runpy.run_path(str(TOOLS / "public_names.py"))["pages"]()
    return written


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
