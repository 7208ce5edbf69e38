"""`smalti export`: a checkpoint as one file that runs anywhere."""

from pathlib import Path

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import Verb


@click.command("export", cls=Verb)
@click.argument("checkpoint", type=GivenPath())
@click.argument("out", type=OutPath(dir_okay=False))
@click.option("--scores", type=GivenPath(), help="JSON of smalti evaluate; its scores enter the card.")
@click.option("--calibration", type=GivenPath(), help="The same on validation data; its temperatures enter the card.")
def command(checkpoint: Path, out: Path, scores: Path | None, calibration: Path | None) -> None:
    """Write the trained CHECKPOINT folder as one ONNX file OUT, if both give the same predictions."""
    if out.suffix != ".onnx":
        raise click.BadParameter(f"{out} does not end in .onnx", param_hint="OUT")
    from smalti.workflows.export import export  # imports what `--help` does not need

    done = export(
        checkpoint,
        out,
        scores=scores,
        calibration=calibration,
        progress=lambda now: click.echo(now.note, err=True),
    )
    shapes = ", ".join(f"{batch}x{height}x{width}" for batch, height, width in done.shapes)
    click.echo(f"{out}: {done.size / 1e6:.1f} MB")
    click.echo(f"predictions differ from torch by {done.difference:.1e} at most (batch x height x width: {shapes})")
    if done.rounding:
        click.echo(
            f"torch itself differs by {done.rounding:.1e} from its own predictions in double precision: a net that is "
            "trained longer rounds less"
        )
