"""The records of a training: one line per epoch, as CSV and for TensorBoard."""

import csv
import io
from pathlib import Path
from typing import Any

from smalti.errors import MissingExtraError
from smalti.files import guarded, write_whole

CSV, STEP = "records.csv", "step"


class Records:
    """Lines of numbers by step, in a file that is complete at any time.

    Lines after `step`, from which a training resumes, are dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / CSV
        self._rows = [row for row in _read(self.path) if int(row[STEP]) <= step]
        self._board = _board(folder / "tensorboard", step)

    def add(self, step: int, values: dict[str, float]) -> None:
        """Writes one line; the file is rewritten, since later lines may have more columns."""
        self._rows.append({STEP: str(step)} | {name: f"{value:.6g}" for name, value in values.items()})
        write_whole(self.path, self.content())
        with guarded(self.path.parent):
            for name, value in values.items():
                self._board.add_scalar(name, value, step)
            self._board.flush()

    def content(self) -> bytes:
        """All lines so far, as the file has them."""
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(self._rows)
        return text.getvalue().encode()

    def close(self) -> None:
        """Closes the TensorBoard file."""
        self._board.close()


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with guarded(path):
        whole, _, _ = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
    names, *rows = list(csv.reader(whole.splitlines())) or [[]]
    # A truncated line, from a full disk or a copy, is skipped.
    found = [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names)]
    return [{name: text for name, text in row.items() if text} for row in found if row.get(STEP, "").isdecimal()]


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingExtraError("tensorboard", "train") from None
    with guarded(folder):
        return SummaryWriter(folder, purge_step=step + 1 if step else None)
