"""Measurements of models as files: JSON, and a page."""

import json
from pathlib import Path

from smalti.errors import OutputError
from smalti.files import check_place, deliver
from smalti.mapping.protect import check_page
from smalti.report.bench_page import Timed, bench_page
from smalti.workflows.bench import HEADS, Bench, Timing


def check_bench_files(as_json: Path | None, page: Path | None) -> None:
    """OutputError if one cannot be written, or would replace a file that is not its like."""
    if as_json is not None:
        check_place(as_json, parents=True)
        if as_json.exists() and not _is_bench(as_json):
            raise OutputError(f"{as_json}: exists and holds no timings; remove it, or choose another output")
    if page is not None:
        check_page(page)


def write_bench_files(found: Bench, as_json: Path | None, page: Path | None) -> None:
    """Writes the given ones; OutputError if it cannot."""
    if as_json is not None:
        deliver(as_json, json.dumps(found.to_dict(), indent=2).encode())
    if page is not None:
        deliver(page, _page(found).encode())


def _page(found: Bench) -> str:
    timed = [Timed(each.model, _label(each), each.milliseconds) for each in found.timings]
    rows = [each.cells() for each in found.timings]
    subtitle = f"{found.machine}, {found.date}"
    return bench_page("Speed of models", subtitle, timed, found.cards, heads=HEADS, rows=rows)


def _label(row: Timing) -> str:
    return f"{row.model}, {row.engine}, {row.threads} threads, {row.tile} px"


def _is_bench(path: Path) -> bool:
    """Whether a file is empty, or the JSON of a measurement."""
    try:
        found = json.loads(path.read_bytes() or b'{"timings": []}')
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and "timings" in found
