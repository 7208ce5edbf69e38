"""`smalti export`: a checkpoint as one file that runs anywhere."""

from pathlib import Path

import click

from smalti.cli.out_path import OutPath
from smalti.errors import MissingExtraError


@click.command("export")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("out", type=OutPath(dir_okay=False))
@click.option("--scores", type=click.Path(path_type=Path), help="JSON of smalti evaluate; its scores enter the card.")
def command(checkpoint: Path, out: Path, scores: Path | None) -> None:
    """Write the trained CHECKPOINT folder as one ONNX file OUT, if both give the same answers."""
    if out.suffix != ".onnx":
        raise click.BadParameter(f"{out} does not end in .onnx", param_hint="OUT")
    from smalti.files import check_place  # imports what `--help` does not need

    try:
        from smalti.deploy.release import export_checkpoint
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("smalti"):
            raise
        raise MissingExtraError(error.name or "torch", "train") from None
    check_place(out)
    parity = export_checkpoint(checkpoint, out, scores, lambda line: click.echo(line, err=True))
    shapes = ", ".join(f"{batch}x{height}x{width}" for batch, height, width in parity.shapes)
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
    click.echo(f"answers differ from torch by {parity.difference:.1e} at most (batch x height x width: {shapes})")
    if parity.rounding:
        click.echo(
            f"torch itself differs by {parity.rounding:.1e} from its own answers in double precision: a net that is "
            "trained longer rounds less"
        )
