"""Writes the results of a benchmark into a page of the documentation."""

from pathlib import Path

from smalti.files import write_whole

BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def fill_page(page: Path, text: str) -> None:
    """Replaces the text between the marks of a page; ends the command if the page has no marks."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page}: has no {BEGIN} ... {END} to fill")
    write_whole(page, f"{before}{begin}\n{text}\n{end}{after}".encode())
