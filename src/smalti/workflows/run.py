"""The result of a training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """A finished training."""

    folder: Path
    name: str
    """Name of the model, as in its card."""
    scores: Mapping[str, float] = field(hash=False)
    """The main scores of the best checkpoint, by name; of several processes only the first has any."""
    table: str = field(default="", repr=False)
    """All scores of the best checkpoint as text, with their protocol."""

    @property
    def best(self) -> Path:
        """The folder of the best checkpoint."""
        return self.folder / "best"

    @property
    def last(self) -> Path:
        """The folder of the last checkpoint, from which a training resumes."""
        return self.folder / "last"

    @property
    def records(self) -> Path:
        """CSV of the losses and scores over the steps."""
        return self.folder / "records.csv"

    def __str__(self) -> str:
        return self.table
