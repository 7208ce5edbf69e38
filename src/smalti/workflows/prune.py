"""Takes channels out of a trained net; torch is imported when it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from smalti.arguments import checked
from smalti.errors import OptionError, OutputError, about
from smalti.files import check_place
from smalti.lock import hold
from smalti.workflows.export import say_to
from smalti.workflows.extras import of_training
from smalti.workflows.progress import Show


@dataclass(frozen=True, slots=True)
class Prune:
    """A checkpoint of a net with fewer channels, to be trained further; its text is the result in words."""

    folder: Path
    before: float
    """Milliseconds of one core per tile in 8-bit integers."""
    after: float
    parameters_before: int
    parameters: int

    def __str__(self) -> str:
        return (
            f"{self.folder}: {self.before / self.after:.2f} times as fast in 8-bit integers "
            f"({self.after:.1f} ms of one core per tile, before {self.before:.1f}), "
            f"{self.parameters / 1e6:.2f} million parameters, before {self.parameters_before / 1e6:.2f}\n"
            f"now train it: smalti train RECIPE --set train.start={self.folder}"
        )


@checked()
def prune(
    model: str | Path,
    output: str | Path,
    *,
    faster: float = 1.5,
    images: Sequence[str | Path] = (),
    progress: Show | None = None,
) -> Prune:
    """Writes a checkpoint of the same net with fewer channels, those of least importance for the time they take.

    Its predictions are worse until it is trained further: with a recipe of the same net whose `train.start` is the
    folder, best with `[distill]` and the whole model as the teacher.

    Args:
        model: The folder of a checkpoint, a name, or an `.onnx` file with its weights in float.
        output: The folder to write; it must not exist.
        faster: How many times as fast it is to be in 8-bit integers, above 1.
        images: Files, folders or globs of images like those that it is meant for; none: drawn scenes, for a model of
            red, green and blue.
        progress: Called with a `Progress` whose `note` describes the step.

    Raises:
        ModelError: There is no such model, it is damaged, or its net cannot be pruned.
        RasterError: An image has other bands, or cannot be read.
        DataError: Images are missing.
        ExportError: It cannot become that fast; nothing is written.
        OutputError: The folder exists already, or cannot be written.
        BusyError: It is being written already.
        OptionError: An option is invalid.
        MissingExtraError: torch or another package for exports is not installed.
    """
    out = Path(output)
    if not 1 < faster < 100:
        raise OptionError(f"faster is {faster:g}; expected how many times as fast, above 1", value=faster)
    if out.exists():
        raise OutputError(f"{out}: exists already; remove it, or give another folder")
    with of_training():
        from smalti.workflows.prune_work import image_tiles, prune_to
    check_place(out)
    with hold(out), about(model):
        tiles_for = partial(image_tiles, [str(each) for each in images])
        done = prune_to(str(model), out, faster, tiles_for, say_to(out.name, progress))
    return Prune(out, *done)
