"""Exports a checkpoint to one portable file; torch is imported when it begins."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from smalti.arguments import checked
from smalti.errors import MissingExtraError, ModelError, OptionError, OutputError, about
from smalti.files import check_place
from smalti.lock import hold
from smalti.runtime.models import verify
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Progress, Show


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
    progress: Show | None = None,
) -> Export:
    """Writes the folder of a checkpoint as one ONNX file, if both have the same outputs.

    Args:
        checkpoint: The folder, such as `run.best`.
        output: A path that ends in .onnx.
        scores: The JSON file of an evaluation, whose scores are added to the card.
        calibration: The JSON file of an evaluation on validation data, whose temperatures are added to the card.
        progress: Called with a `Progress` whose `note` describes the step.

    Raises:
        ModelError: The checkpoint is damaged or missing.
        DataError: The scores or the calibration cannot be used.
        ExportError: The outputs differ.
        OutputError: The file cannot be written.
        BusyError: It is being written already.
        OptionError: The path does not end in .onnx.
        MissingExtraError: torch or another package for exports is not installed.
    """
    out, folder = Path(output), Path(checkpoint)
    if out.suffix != ".onnx":
        raise OptionError(f"{out} does not end in .onnx", value=output)
    try:
        from smalti.deploy.release import export_checkpoint
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("smalti"):
            raise
        raise MissingExtraError(error.name or "torch", "train") from None
    check_place(out)
    _check_free(out)
    with hold(out), about(checkpoint):
        say = say_to(out.name, progress)
        parity = export_checkpoint(folder, out, path_if_given(scores), say, calibration=path_if_given(calibration))
    return Export(out, out.stat().st_size, parity.difference, parity.rounding, tuple(parity.shapes))


def _check_free(out: Path) -> None:
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
