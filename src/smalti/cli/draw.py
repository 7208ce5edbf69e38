"""`smalti draw`: a scene with its exact ground truth."""

from pathlib import Path

import click

from smalti.cli.paths import OutPath


@click.command(name="draw")
@click.argument("out", type=OutPath())
@click.option("--size", type=click.IntRange(1), default=2048, show_default=True, help="Height and width in pixels.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Equal seeds give equal bytes.")
@click.option("--nir", is_flag=True, help="Add near infrared as a fourth band.")
def command(out: Path, size: int, seed: int, nir: bool) -> None:
    """Draw a town and its countryside, seen from above, pixels of 0.3 m.

    Writes OUT.tif, and beside it OUT_classes.tif, OUT_height.tif (metres above the ground) and OUT_buildings.gpkg.
    """
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise click.BadParameter(f"{out} must end in .tif or .tiff", param_hint="OUT")
    from smalti.cli.progress import Bars  # imports what `--help` does not need
    from smalti.synth.files import write_scene
    from smalti.workflows.progress import Meter

    with Bars() as bars:
        written = write_scene(out, size, size, seed, nir, Meter(bars, "draw", size * size, "Pix"))
    for path in written[:4]:
        click.echo(path)
