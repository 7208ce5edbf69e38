"""Training from a recipe; torch is imported when it begins."""

from pathlib import Path

from smalti.arguments import checked
from smalti.errors import MissingExtraError, about
from smalti.workflows.extras import of_training
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Show
from smalti.workflows.run import Run
from smalti.workflows.settings import Changes, as_settings


@checked()
def train(
    recipe: str | Path,
    changes: Changes = (),
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Show | None = None,
) -> Run:
    """Trains a network from a recipe, and scores its best checkpoint.

    Args:
        recipe: A TOML file.
        changes: Settings of the recipe to change, by key: `{"train.steps": 200}`; or as `"train.steps=200"`.
        out: Folder to write to; default runs/NAME, with the card's NAME.
        resume: Resume the training in that folder even if the recipe has changed since.
        progress: Called with a `Progress` regularly; its `note` reports losses and scores.

    Returns:
        The folders of the checkpoints, and the scores of the best one. An interrupted training resumes if called again
        with the same arguments.

    Raises:
        RecipeError: The recipe cannot be read, or the folder holds a training with other settings.
        DataError: The images of the recipe cannot be used.
        DivergedError: The loss or a weight is no longer finite.
        BusyError: Another process trains in this folder.
        OutputError: The folder cannot be written.
        MissingExtraError: torch is not installed.
    """
    need_training()
    with of_training():
        from smalti.workflows import training_run  # imports torch

    path, folder = Path(recipe), path_if_given(out)
    with about(recipe):
        return training_run.train(path, as_settings(changes), folder, resume=resume, show=progress)


def need_training() -> None:
    """MissingExtraError if the packages for training are not installed."""
    try:
        import lightning.fabric  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", "train") from None
