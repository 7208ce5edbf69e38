"""Scores as a JSON file."""

import json
from pathlib import Path

from smalti.errors import OutputError
from smalti.evaluation import Evaluation
from smalti.files import check_place, deliver


def check_scores_file(path: Path) -> None:
    """OutputError if scores cannot be written there, or would replace anything but scores."""
    check_place(path, parents=True)
    if path.exists() and not _is_scores(path):
        raise OutputError(f"{path}: exists and holds no scores; remove it, or choose another output")


def write_scores_file(path: Path, found: Evaluation) -> None:
    """Writes all results; OutputError if it cannot."""
    deliver(path, found.to_json().encode())


def _is_scores(path: Path) -> bool:
    """Whether a file is empty, or the JSON of an evaluation."""
    try:
        found = json.loads(path.read_bytes() or b'{"model": "", "scores": []}')
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"model", "scores"} <= found.keys()
