"""`smalti draw`: a scene with its exact ground truth."""

from pathlib import Path

import click

from smalti.cli.paths import OutPath
from smalti.cli.verb import Verb


@click.command(name="draw", cls=Verb)
@click.argument("out", type=OutPath())
@click.option("--size", type=click.IntRange(1), default=2048, show_default=True, help="Height and width in pixels.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Equal seeds give equal bytes.")
@click.option("--style", type=click.Choice(["town", "world"]), help="Towns, or the whole world.  [default: town]")
@click.option(
    "--climate", metavar="NAME", help="Climate of the world, such as desert or monsoon; default: by the seed."
)
@click.option("--sensor", metavar="NAME", help="drone, aerial or satellite, of the world; default: by the seed.")
@click.option("--nir", is_flag=True, help="Add near infrared as a fourth band.")
def command(  # click passes the options by name
    out: Path, size: int, seed: int, style: str | None, climate: str | None, sensor: str | None, nir: bool
) -> None:
    """Draw a town and its countryside, or a place of the world, seen from above.

    Without further options: a town in pixels of 0.3 m. With --style world, a climate or a sensor: a place in a desert,
    mediterranean, temperate, winter, boreal, tropical, monsoon, savanna, prairie or coast climate, in pixels of 0.08 to
    1 m.

    Writes OUT.tif, and beside it OUT_classes.tif, OUT_height.tif (metres above the ground) and OUT_buildings.gpkg.
    """
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise click.BadParameter(f"{out} must end in .tif or .tiff", param_hint="OUT")
    from smalti.cli.progress import Bars  # imports what `--help` does not need
    from smalti.synth.files import write_scene
    from smalti.synth.scenery import scenery
    from smalti.workflows.progress import Meter

    look = scenery(style, climate, sensor)
    with Bars() as bars:
        meter = Meter(bars, "draw", size * size, "Pix")
        written = write_scene(out, size, size, seed, nir, meter, scenery=look)
    for path in written[:4]:
        click.echo(path)
