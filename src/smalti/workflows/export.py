"""Exports a checkpoint to one portable file; torch is imported when it begins."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from smalti.arguments import checked
from smalti.errors import ModelError, OptionError, OutputError, about
from smalti.files import check_place
from smalti.lock import hold
from smalti.runtime.models import verify
from smalti.workflows.extras import of_training
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Meter, Progress, Show
from smalti.workflows.settings import Changes, as_settings


@dataclass(frozen=True, slots=True)
class Export:
    """An ONNX file with the same outputs as its checkpoint."""

    path: Path
    size: int
    """Size in bytes."""
    difference: float
    """Largest difference of its outputs from torch's."""
    rounding: float | None = field(repr=False)
    """Largest difference of torch's outputs from those in double precision, if the file was checked against those."""
    shapes: tuple[tuple[int, int, int], ...] = field(repr=False)
    """Batch sizes, heights and widths that were compared."""


@checked()
def export(
    checkpoint: str | Path,
    output: str | Path,
    *,
    scores: str | Path | None = None,
    calibration: str | Path | None = None,
    unlike: str | Path | None = None,
    changes: Changes = (),
    progress: Show | None = None,
) -> Export:
    """Writes the folder of a checkpoint as one ONNX file, if both have the same outputs.

    Args:
        checkpoint: The folder, such as `run.best`.
        output: A path that ends in .onnx.
        scores: The JSON file of an evaluation, whose scores are added to the card.
        calibration: The JSON file of an evaluation on validation data, whose temperatures are added to the card.
        unlike: The recipe that the model was trained with. On its training and validation data the card learns to tell
            which tiles of a scene are unlike them; maps then warn of them.
        changes: Settings of this recipe to change, as for `train`: `{"data.root": folder}`.
        progress: Called with a `Progress` whose `note` describes the step.

    Raises:
        ModelError: The checkpoint is damaged or missing.
        DataError: The scores, the calibration or the data of the recipe cannot be used.
        RecipeError: The recipe cannot be read, or is of another kind.
        ExportError: The outputs differ.
        OutputError: The file cannot be written.
        BusyError: It is being written already.
        OptionError: The path does not end in .onnx, or settings are given without `unlike`.
        MissingExtraError: torch or another package for exports is not installed.
    """
    out, folder = Path(output), Path(checkpoint)
    if out.suffix != ".onnx":
        raise OptionError(f"{out} does not end in .onnx", value=output)
    if changes and unlike is None:
        raise OptionError("settings of a recipe are given without one; give the recipe as --unlike", value=changes)
    with of_training():
        from smalti.deploy.release import export_checkpoint
        from smalti.training.recipe import read_pixels
    check_place(out)
    check_free(out)
    with hold(out), about(checkpoint):
        say = say_to(out.name, progress)
        recipe = None if unlike is None else read_pixels(Path(unlike), as_settings(changes))
        parity = export_checkpoint(
            folder,
            out,
            path_if_given(scores),
            say,
            calibration=path_if_given(calibration),
            unlike=recipe,
            watch=partial(Meter, progress),
        )
    return Export(out, out.stat().st_size, parity.difference, parity.rounding, tuple(parity.shapes))


def check_free(out: Path) -> None:
    """OutputError for an existing file that is not a model of this program."""
    try:
        if out.exists():
            verify(out)
    except ModelError:
        text = f"{out}: exists and is not an intact model of smalti; remove it, or choose another output"
        raise OutputError(text) from None


def say_to(title: str, show: Show | None) -> Callable[[str], None]:
    """A function that reports a message about a job to `show`."""

    def say(line: str) -> None:
        if show is not None:
            show(Progress(title, 0, 0, note=line))

    return say
