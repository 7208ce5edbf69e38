"""Training by a recipe; torch is imported when it begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smalti.errors import MissingExtraError
from smalti.workflows.progress import Show
from smalti.workflows.settings import as_settings


@dataclass(frozen=True, slots=True)
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


def train(
    recipe: str | Path,
    changes: Mapping[str, object] | Sequence[str] = (),
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Show | None = None,
) -> Run:
    """Trains a network by a recipe, and scores its best checkpoint.

    Args:
        recipe: A TOML file.
        changes: Settings of the recipe to change, by key: `{"train.steps": 200}`; or as `"train.steps=200"`.
        out: Where to write; by default runs/NAME, NAME being the card's.
        resume: Go on with what lies there even if the recipe has changed since.
        progress: Called with a `Progress` now and then; its `note` tells losses and scores.

    Returns:
        Where the checkpoints lie, and the scores of the best one. A training that was interrupted resumes when it is
        called again with the same arguments.

    Raises:
        RecipeError: The recipe cannot be read, or the folder holds a training by other settings.
        DataError: The images of the recipe cannot be used.
        DivergedError: The loss or a weight is no longer finite.
        BusyError: Another process trains in this folder.
        OutputError: The folder cannot be written.
        MissingExtraError: torch is not installed.
    """
    need_training()
    from smalti.workflows import training_run  # imports torch

    folder = None if out is None else Path(out)
    return training_run.train(Path(recipe), as_settings(changes), folder, resume=resume, show=progress)


def need_training() -> None:
    """MissingExtraError where training is not installed."""
    try:
        import lightning.fabric  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", "train") from None
