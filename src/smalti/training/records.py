"""The records of a training: one line per epoch, as CSV and for TensorBoard."""

import csv
from pathlib import Path
from typing import Any

from smalti.errors import MissingExtraError
from smalti.jobs import guarded

CSV = "records.csv"


class Records:
    """Lines of numbers by step. What lies beyond the step a training goes on from is dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / CSV
        self._rows = [row for row in _read(self.path) if int(row["step"]) <= step]
        self._board = _board(folder / "tensorboard", step)

    def add(self, step: int, values: dict[str, float]) -> None:
        """Writes one line; the file is rewritten, since later lines may have more columns."""
        self._rows.append({"step": str(step)} | {name: f"{value:.6g}" for name, value in values.items()})
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        with guarded(self.path), self.path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self._rows)
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        self._board.flush()

    def close(self) -> None:
        """Closes the file of TensorBoard."""
        self._board.close()


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with guarded(path), path.open(newline="") as file:
        return [{name: text for name, text in row.items() if text} for row in csv.DictReader(file)]


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingExtraError("tensorboard", "train") from None
    with guarded(folder):
        return SummaryWriter(folder, purge_step=step + 1 if step else None)
