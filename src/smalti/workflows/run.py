"""What a training has left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """A training that is finished."""

    folder: Path
    name: str
    """Of the model, as its card has it."""
    scores: Mapping[str, float]
    """The main scores of the best checkpoint, by name; empty in all but the first of several processes."""
    table: str = field(default="", repr=False)
    """All scores of the best checkpoint as text, with their protocol."""

    @property
    def best(self) -> Path:
        """The folder of the best checkpoint."""
        return self.folder / "best"

    @property
    def last(self) -> Path:
        """The folder of the last checkpoint, which a training resumes from."""
        return self.folder / "last"

    @property
    def records(self) -> Path:
        """CSV of the losses and scores over the steps."""
        return self.folder / "records.csv"

    def __str__(self) -> str:
        return self.table
