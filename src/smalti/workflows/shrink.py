"""Makes a model smaller and faster: 8-bit integers, as far as its accuracy allows."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from smalti.arguments import checked
from smalti.errors import ExportError, OptionError, about
from smalti.files import check_place, deliver, write_whole
from smalti.lock import hold
from smalti.mapping.protect import check_page
from smalti.workflows.bench import Bench
from smalti.workflows.export import check_free
from smalti.workflows.extras import of_training
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Show
from smalti.workflows.settings import Changes, as_settings
from smalti.workflows.shrink_round import ShrinkRound

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
    rounds: tuple[ShrinkRound, ...] = ()
    """By a recipe, what each round reached."""
    checkpoint: Path | None = None
    """By a recipe, the pruned and trained net in float; None if 8-bit integers alone met the targets."""

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
        lines += [str(each) for each in self.rounds]
        lines += [f"its net in float: {self.checkpoint}"] if self.checkpoint else []
        return "\n".join([*lines, str(self.timings)])


@checked()
def shrink(
    model: str | Path,
    output: str | Path,
    *,
    calibrate: Sequence[str | Path] = (),
    data: Sequence[str | Path] = (),
    recipe: str | Path | None = None,
    changes: Changes = (),
    resume: bool = False,
    loss: float | None = None,
    milliseconds: float | None = None,
    megabytes: float | None = None,
    tile: int | None = None,
    only_weights: bool = False,
    report: str | Path | None = None,
    anyway: bool = False,
    progress: Show | None = None,
) -> Shrink:
    """Writes a model in 8-bit integers, or with its weights in these, if it passes its gate and meets its targets.

    The layers that cost most accuracy stay in float until the gate is passed. By a recipe with a table `[shrink]` its
    net is also pruned and trained further, round after round, until the targets of that table are met; the rounds are
    kept in the folder OUTPUT.rounds, from which the same call resumes.

    Args:
        model: The folder of a checkpoint, a name, or an `.onnx` file.
        output: A path that ends in .onnx; its name is that of the new model.
        calibrate: Files, folders or globs of images, on half of whose tiles the ranges of activations are measured;
            none: drawn scenes, for a model of red, green and blue.
        data: Folders of images with labels, on which both models are scored. Use validation data: what a choice was
            made on no longer tests it. None: both are compared on the other half of the tiles.
        recipe: That by which the model was trained. Its table `[shrink]` has the targets, its validation images are the
            data, and its training images calibrate.
        changes: Settings of the recipe to change, as for `train`: `{"shrink.ms": 8.0}`.
        resume: Resume the rounds in the folder even if the recipe has changed since.
        loss: The gate in percent, None for 1: points of mIoU, or the rise of the RMSE of values; without labels the
            share of pixels that are predicted otherwise. It holds for each data set and task.
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
        RecipeError: The recipe cannot be read, is of another net, or has no table `[shrink]`.
        DivergedError: A training diverged.
        ExportError: The gate or a target is missed; no file is written.
        OutputError: A file cannot be written, or would replace another one.
        BusyError: It is being written already.
        OptionError: An option is invalid.
        MissingExtraError: `onnx` or another package for exports is not installed.
    """
    out, page, path = Path(output), path_if_given(report), path_if_given(recipe)
    if out.suffix != ".onnx":
        raise OptionError(f"{out} does not end in .onnx", value=output)
    if loss is not None and not 0 <= loss <= 100:
        raise OptionError(f"loss is {loss:g}; expected percent, from 0 to 100", value=loss)
    _check_together(
        path,
        {"set": bool(changes), "resume": resume},
        {
            "calibrate": bool(calibrate),
            "data": bool(data),
            "loss": loss is not None,
            "ms": milliseconds is not None,
            "mb": megabytes is not None,
            "only-weights": only_weights,
        },
    )
    with of_training():
        from smalti.workflows.shrink_done import Targets
        from smalti.workflows.shrink_rounds import ask, shrink_by_recipe
        from smalti.workflows.shrink_work import shrink_once
    check_place(out)
    check_free(out)
    if page is not None:
        check_page(page)
    with hold(out), about(model), tempfile.TemporaryDirectory() as folder:
        if path is None:
            targets = Targets(1.0 if loss is None else loss, milliseconds, megabytes)
            images, labelled = [str(each) for each in calibrate], [Path(each) for each in data]
            done = shrink_once(
                str(model), out, Path(folder), images=images, data=labelled, targets=targets,
                tile=tile, only_weights=only_weights, show=progress,
            )  # fmt: skip
        else:
            asked = ask(str(model), out, path, as_settings(changes), tile=tile, resume=resume, show=progress)
            done = shrink_by_recipe(asked, Path(folder))
        if page is not None:
            deliver(page, done.page().encode())
        if done.missed and not anyway:
            raise ExportError(f"{out}: not written: {done.missed}; {_mend(path, only_weights)}")
        write_whole(out, done.model.content)
    found, size, before = done.found, done.model.size, done.parent.size
    return Shrink(
        out, size, before, found.loss, found.rows, found.layers, found.floats, done.timings, done.missed,
        tuple(done.rounds), done.checkpoint,
    )  # fmt: skip


def _check_together(recipe: Path | None, about_recipe: dict[str, bool], about_rest: dict[str, bool]) -> None:
    """OptionError for options that were given and mean nothing without a recipe, or with one."""
    for name, given in about_recipe.items():
        if given and recipe is None:
            raise OptionError(f"--{name} is about a recipe; give it as --recipe, or omit --{name}")
    for name, given in about_rest.items():
        if given and recipe is not None:
            mend = f"--set shrink.{name}=..." if name in ("loss", "ms", "mb") else "omit it"
            raise OptionError(f"--{name}: {recipe} says what to reach and on which images; {mend}", value=recipe)


def _mend(recipe: Path | None, only_weights: bool) -> str:
    """What to do where a model misses its gate or a target."""
    if recipe is not None:
        return "allow more in [shrink] and run again, which resumes, or write it with --anyway"
    mend = "allow more, or write it with --anyway"
    return mend if only_weights else f"calibrate on more of such images, {mend}"
