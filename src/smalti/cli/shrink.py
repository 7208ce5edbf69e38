"""`smalti shrink`: a model in 8-bit integers, as far as its accuracy allows."""

from pathlib import Path

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import Verb


@click.command("shrink", cls=Verb)
@click.argument("model")
@click.option("-o", "--output", "out", required=True, type=OutPath(dir_okay=False), metavar="OUT.onnx",
              help="The model to write.")  # fmt: skip
@click.option("--calibrate", multiple=True, metavar="IMAGES",
              help="Images whose values the integers are fitted to; repeatable.  [default: drawn scenes]")  # fmt: skip
@click.option("--data", multiple=True, type=GivenPath(), metavar="FOLDER",
              help="Images with labels that both models are scored on; repeatable.")  # fmt: skip
@click.option("--recipe", type=GivenPath(), metavar="RECIPE.toml",
              help="Prune and train by this recipe, too, until the targets of its table [shrink] are met.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="A.B=C", help="Change a setting of the recipe; repeatable.")
@click.option("--resume", is_flag=True, help="Resume the rounds of OUT even if the recipe has changed since.")
@click.option("--loss", type=click.FloatRange(0, 100), metavar="PERCENT",
              help="The largest loss: points of mIoU, or the rise of RMSE.  [default: 1]")  # fmt: skip
@click.option("--ms", "milliseconds", type=click.FloatRange(0, min_open=True), help="Target: milliseconds per tile.")
@click.option("--mb", "megabytes", type=click.FloatRange(0, min_open=True), help="Target: megabytes of the file.")
@click.option("--tile", type=click.IntRange(32, 8192), metavar="PX",
              help="Height and width of its tiles.  [default: those of the model]")  # fmt: skip
@click.option("--only-weights", is_flag=True, help="Only store weights in 8 bits: a small file, as fast as before.")
@click.option("--report", type=OutPath(dir_okay=False), metavar="FILE.html", help="Also write a page.")
@click.option("--anyway", is_flag=True, help="Also write a model that misses its gate or a target.")
def command(
    model: str,
    out: Path,
    calibrate: tuple[str, ...],
    data: tuple[Path, ...],
    recipe: Path | None,
    changes: tuple[str, ...],
    resume: bool,
    loss: float | None,
    milliseconds: float | None,
    megabytes: float | None,
    tile: int | None,
    only_weights: bool,
    report: Path | None,
    anyway: bool,
) -> None:
    """Make MODEL, a name, an .onnx file or the folder of a checkpoint, smaller and faster.

    All layers become 8-bit integers. Where the model then loses more than --loss on a folder of --data, the layers
    that cost most accuracy stay in float, as few as possible. Give validation data: what a choice was made on no
    longer tests it. Without --data both models are compared on half of the images' tiles: at most --loss percent of
    the pixels may get another class.

    With --recipe, that by which MODEL was trained, targets, images and labels are those of the recipe. Where integers
    alone do not meet the targets, the net is pruned and trained further, in rounds, which are kept in OUT.onnx.rounds:
    the same command resumes.

    OUT.onnx is a model like any other: smalti map SCENE -o MAP.tif --model OUT.onnx.
    """
    from smalti.cli.progress import Lines  # imports what `--help` does not need
    from smalti.workflows.shrink import shrink

    with Lines(err=True) as lines:
        done = shrink(
            model, out, calibrate=calibrate, data=data, recipe=recipe, changes=changes, resume=resume, loss=loss,
            milliseconds=milliseconds, megabytes=megabytes, tile=tile, only_weights=only_weights, report=report,
            anyway=anyway, progress=lines,
        )  # fmt: skip
    click.echo(str(done))
