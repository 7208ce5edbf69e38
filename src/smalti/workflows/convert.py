"""Writes a model for another engine or device; torch is imported when it begins."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from smalti.arguments import checked
from smalti.arrays import Pixels
from smalti.errors import OptionError, about
from smalti.lock import hold
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.workflows.export import say_to
from smalti.workflows.extras import of_training
from smalti.workflows.models import checkpoint_folder
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Show

Target = Literal["openvino", "tflite", "ncnn", "deepness", "tensorrt"]
ENDINGS: dict[Target, str] = {
    "openvino": ".xml", "tflite": ".tflite", "ncnn": ".param", "deepness": ".onnx", "tensorrt": ".onnx",
}  # fmt: skip
"""How the output of a target ends."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A model in another format, which agrees with the original; its text is the result in words."""

    files: tuple[Path, ...]
    """The output first, the manifest last."""
    size: int
    """Of all files in bytes."""
    agreement: dict[str, float] = field(hash=False)
    """Per task, on test tiles: the share of pixels of the same class, or 1 - the relative difference of values."""
    tiles: int
    """Test tiles."""

    def __str__(self) -> str:
        names = ", ".join(path.name for path in self.files)
        lines = [f"{names}: {self.size / 1e6:.1f} MB"]
        return "\n".join(
            lines + [f"{task}: agreement {share:.4f} on {self.tiles} tiles" for task, share in self.agreement.items()]
        )


@checked()
def convert(
    model: str | Path,
    output: str | Path,
    target: Target,
    *,
    int8: str | Path | None = None,
    progress: Show | None = None,
) -> Conversion:
    """Writes a checkpoint or a model for another engine or device, if the result predicts the same.

    Args:
        model: The folder of a checkpoint, a name, or an `.onnx` file.
        output: A path with the ending of the target, see `ENDINGS`.
        target: The format.
        int8: A file, folder or glob of images: weights and activations become 8 bits, in ranges measured on them
            (OpenVINO).
        progress: Called with a `Progress` whose `note` describes the step.

    Raises:
        ModelError: There is no such model, or it is damaged or ranks photos.
        RasterError: An image of `int8` cannot be read, or has other bands.
        DataError: The images of `int8` are too few.
        ExportError: The result differs, or the format lacks an operator; no file is written.
        OutputError: A file cannot be written.
        BusyError: It is being written already.
        OptionError: The path has another ending, or `int8` is not possible for the target.
        MissingToolError, MissingExtraError: A converter is not installed.
    """
    out = Path(output)
    if out.suffix != ENDINGS[target]:
        raise OptionError(f"{out} does not end in {ENDINGS[target]}, as files for {target} do", value=output)
    if int8 is not None and target != "openvino":
        raise OptionError(f"8 bits are written for openvino only, not for {target}", value=target)
    with of_training():
        from smalti.deploy.convert import check_target, convert_model
    check_target(out, target)
    say = say_to(out.name, progress)
    with hold(out), about(model), tempfile.TemporaryDirectory() as folder:
        found = _model_file(str(model), Path(folder), progress)
        done = convert_model(found, out, target, say, _tiles(path_if_given(int8), found))
    return Conversion(done.files, sum(path.stat().st_size for path in done.files), done.agreement, done.tiles)


def _model_file(model: str, folder: Path, progress: Show | None) -> ModelFile:
    """The model as a file; that of a checkpoint is exported into the folder."""
    checkpoint = checkpoint_folder(model)
    if checkpoint is None:
        return verify(find_model(model))
    from smalti.deploy.release import export_checkpoint

    file = folder / "model.onnx"
    export_checkpoint(checkpoint, file, say=say_to(model, progress))
    return verify(file)


def _tiles(images: Path | None, model: ModelFile) -> list[Pixels]:
    if images is None:
        return []
    from smalti.deploy.calibration_tiles import calibration_tiles

    return calibration_tiles(images, model.card)
