"""Makes a model smaller and faster: 8-bit integers, as far as its accuracy allows."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from smalti.arguments import checked
from smalti.errors import ExportError, MissingExtraError, OptionError, about
from smalti.files import check_place, deliver, write_whole
from smalti.lock import hold
from smalti.mapping.protect import check_page
from smalti.workflows.bench import Bench
from smalti.workflows.export import check_free
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Show

if TYPE_CHECKING:
    from smalti.deploy.shrink.gate import GateRow


@dataclass(frozen=True)
class Shrink:
    """A model that was made smaller; its text is the result in words."""

    path: Path
    size: int
    """Size in bytes."""
    parent_size: int
    loss: float
    """The largest loss in percent, over all data and tasks."""
    rows: "tuple[GateRow, ...]" = field(repr=False)
    """The scores of both models, on each data set and task."""
    layers: int
    floats: tuple[str, ...]
    """The layers that were left in float."""
    timings: Bench = field(repr=False)
    """Of both models, `before` and `after`, with each installed engine."""
    missed: str = ""
    """Which gate and target it misses, of a model that was written anyway."""

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.size / 1e6:.1f} MB, before {self.parent_size / 1e6:.1f} MB"]
        if self.missed:
            lines.append(f"written though {self.missed}")
        if self.floats:
            lines.append(f"{len(self.floats)} of {self.layers} layers in float: {', '.join(self.floats)}")
        lines += [
            f"{row.data}, {row.task}: {row.measure} {row.after:.4f}, before {row.before:.4f}: loss {row.loss:.2f} %"
            for row in self.rows
        ]
        return "\n".join([*lines, str(self.timings)])


@checked()
def shrink(
    model: str | Path,
    output: str | Path,
    *,
    calibrate: Sequence[str | Path] = (),
    data: Sequence[str | Path] = (),
    loss: float = 1.0,
    milliseconds: float | None = None,
    megabytes: float | None = None,
    tile: int | None = None,
    only_weights: bool = False,
    report: str | Path | None = None,
    anyway: bool = False,
    progress: Show | None = None,
) -> Shrink:
    """Writes a model in 8-bit integers, or with its weights in these, if it passes its gate and meets its targets.

    The layers that cost most accuracy stay in float until the gate is passed.

    Args:
        model: The folder of a checkpoint, a name, or an `.onnx` file.
        output: A path that ends in .onnx; its name is that of the new model.
        calibrate: Files, folders or globs of images, on half of whose tiles the ranges of activations are measured;
            none: drawn scenes, for a model of red, green and blue.
        data: Folders of images with labels, on which both models are scored. Use validation data: what a choice was
            made on no longer tests it. None: both are compared on the other half of the tiles.
        loss: The gate in percent: points of mIoU, or the rise of the RMSE of values; without labels the share of pixels
            that are predicted otherwise. It holds for each data set and task.
        milliseconds: The target per tile with ONNX Runtime on this machine.
        megabytes: The target of the file.
        tile: Height and width of tiles of the new model in pixels; None: those of the model.
        only_weights: Only store weights in 8 bits and compute in float: the file is a third as large, and the model as
            fast as before. It can be taught, and trained on.
        report: Also write this HTML page.
        anyway: Also write a model that misses its gate or a target; its card says so.
        progress: Called with a `Progress` whose `note` describes the step.

    Raises:
        ModelError: There is no such model, it is damaged or ranks photos, or an image has another type.
        RasterError: An image has other bands, or cannot be read.
        DataError: Images or labels are missing.
        ExportError: The gate or a target is missed; no file is written.
        OutputError: A file cannot be written, or would replace another one.
        BusyError: It is being written already.
        OptionError: An option is invalid.
        MissingExtraError: `onnx` or another package for exports is not installed.
    """
    out, page = Path(output), path_if_given(report)
    if out.suffix != ".onnx":
        raise OptionError(f"{out} does not end in .onnx", value=output)
    if not 0 <= loss <= 100:
        raise OptionError(f"loss is {loss:g}; expected percent, from 0 to 100", value=loss)
    try:
        from smalti.workflows.shrink_work import ShrinkWork, Targets
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("smalti"):
            raise
        raise MissingExtraError(error.name or "onnx", "train") from None
    check_place(out)
    check_free(out)
    if page is not None:
        check_page(page)
    targets = Targets(loss, milliseconds, megabytes)
    with hold(out), about(model), tempfile.TemporaryDirectory() as folder:
        work = ShrinkWork(str(model), out, Path(folder), progress, tile, only_weights=only_weights)
        done = work.run([str(each) for each in calibrate], [Path(each) for each in data], targets)
        if page is not None:
            deliver(page, done.page().encode())
        if done.missed and not anyway:
            mend = "allow more, or write it with --anyway"
            mend = mend if only_weights else f"calibrate on more of such images, {mend}"
            raise ExportError(f"{out}: not written: {done.missed}; {mend}")
        write_whole(out, done.model.content)
    found = done.found
    size, before = done.model.size, done.parent.size
    return Shrink(out, size, before, found.loss, found.rows, found.layers, found.floats, done.timings, done.missed)
