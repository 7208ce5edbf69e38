"""`smalti export`: a model as a file that runs anywhere, or in the format of another engine or device."""

from pathlib import Path
from typing import Any

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import Verb

TARGETS = ("onnx", "openvino", "tflite", "ncnn", "deepness", "tensorrt")
_UNLIKE = "The recipe of its training: the model learns to tell what is unlike the recipe's data."


@click.command("export", cls=Verb)
@click.argument("checkpoint", type=GivenPath())
@click.argument("out", type=OutPath(dir_okay=False))
@click.option("--for", "target", type=click.Choice(TARGETS), default="onnx", show_default=True,
              help="The engine or device; other than onnx also for a model by name or file.")  # fmt: skip
@click.option("--int8", type=GivenPath(), metavar="IMAGES",
              help="8-bit weights and activations, with ranges measured on these images (openvino).")  # fmt: skip
@click.option("--scores", type=GivenPath(), help="JSON of smalti evaluate; its scores enter the card.")
@click.option("--calibration", type=GivenPath(), help="The same on validation data; its temperatures enter the card.")
@click.option("--unlike", type=GivenPath(), metavar="RECIPE.toml", help=_UNLIKE)
@click.option("--set", "changes", multiple=True, metavar="A.B=C", help="Change a setting of that recipe; repeatable.")
def command(
    checkpoint: Path,
    out: Path,
    target: str,
    int8: Path | None,
    scores: Path | None,
    calibration: Path | None,
    unlike: Path | None,
    changes: tuple[str, ...],
) -> None:
    """Write the trained CHECKPOINT folder as one ONNX file OUT, if both give the same predictions.

    With --for in another format, if the result, run with the engine of that format, gives the same predictions:

    \b
    onnx      OUT.onnx, for Smalti and ONNX Runtime
    openvino  OUT.xml and .bin, for Intel processors; 16-bit weights, or 8 bits
    tflite    OUT.tflite, for LiteRT on phones and boards; images are N,H,W,C
    ncnn      OUT.param and .bin, for Arm processors
    deepness  OUT.onnx, for the QGIS plugin Deepness, and still for Smalti
    tensorrt  OUT.onnx, settings, and a script to run on an NVIDIA device

    OUT.json beside it says how to feed it and holds its card.
    """
    if target != "onnx":
        _convert(
            checkpoint,
            out,
            target,
            int8,
            {"--scores": scores, "--calibration": calibration, "--unlike": unlike, "--set": changes or None},
        )
        return
    if out.suffix != ".onnx":
        raise click.BadParameter(f"{out} does not end in .onnx", param_hint="OUT")
    if int8 is not None:
        raise click.UsageError("--int8 is for --for openvino")
    _export(checkpoint, out, scores=scores, calibration=calibration, unlike=unlike, changes=changes)


def _export(checkpoint: Path, out: Path, **options: Any) -> None:
    from smalti.cli.progress import Lines  # imports what `--help` does not need
    from smalti.workflows.export import export

    with Lines(err=True) as lines:
        done = export(checkpoint, out, **options, progress=lines)
    shapes = ", ".join(f"{batch}x{height}x{width}" for batch, height, width in done.shapes)
    click.echo(f"{out}: {done.size / 1e6:.1f} MB")
    click.echo(f"predictions differ from torch by {done.difference:.1e} at most (batch x height x width: {shapes})")
    if done.rounding:
        click.echo(
            f"torch itself differs by {done.rounding:.1e} from its own predictions in double precision: a net that is "
            "trained longer rounds less"
        )


def _convert(model: Path, out: Path, target: str, int8: Path | None, for_onnx: dict[str, object]) -> None:
    if given := [option for option, value in for_onnx.items() if value is not None]:
        raise click.UsageError(f"{given[0]} is for --for onnx; export to .onnx with it first, then convert that file")
    from smalti.cli.progress import Lines
    from smalti.workflows.convert import convert

    with Lines(err=True) as lines:
        done = convert(model, out, target, int8=int8, progress=lines)  # type: ignore[arg-type]  # one of the choices
    click.echo(done)
